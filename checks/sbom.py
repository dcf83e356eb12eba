"""The software bill of materials: CycloneDX 1.6 over the runtime lock, the same bytes each time.

Every locked file's SHA-256 is in it, and who asked for what, which the lock says in its comments.
It names no moment, and its serial number follows from its contents (PEP 770 says where it lies in
the wheel).
"""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.utils import canonicalize_name

from checks.lock import RUNTIME_LOCK
from checks.manifest import read_pyproject
from checks.model import CouldNotRun

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_PIN = re.compile(r"^([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?==([^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_VIA = re.compile(r"^\s+#\s+(?:via\s+)?([A-Za-z0-9][\w.-]*)(?:\s+\(.*\))?$")
_NAMESPACE = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")  # RFC 9562, appendix: URLs


@dataclass(frozen=True, slots=True)
class Pinned:
    """One locked distribution; `via` are the names of those that ask for it."""

    name: str
    version: str
    hashes: tuple[str, ...]
    via: frozenset[str]


def sbom_path(name: str) -> str:
    """Return where the project with this name keeps the file."""
    return f"policies/sbom/{canonicalize_name(name)}.cdx.json"


def render_sbom(project: Path) -> str:
    """Return the file for a project's runtime lock, as JSON text with a final line feed.

    Raises:
        CouldNotRun: there is no lock, or no name and version in pyproject.toml.
    """
    head = read_pyproject(project).get("project")
    lock = project / RUNTIME_LOCK
    if not isinstance(head, dict) or "version" not in head or not lock.is_file():
        raise CouldNotRun("an SBOM needs a runtime lock, and a name and version in pyproject.toml")
    root = Component(
        name=str(head["name"]),
        version=str(head["version"]),
        type=ComponentType.APPLICATION,
        bom_ref="root",
        purl=PackageURL("pypi", name=canonicalize_name(head["name"]), version=head["version"]),
    )
    bom = _bom(root, pinned(lock.read_text("utf-8")))
    document: dict[str, Any] = json.loads(JsonV1Dot6(bom).output_as_string())  # Any: JSON
    document["metadata"].pop("timestamp")
    document.pop("serialNumber")
    serial = uuid.uuid5(_NAMESPACE, json.dumps(document, sort_keys=True))
    document["serialNumber"] = f"urn:uuid:{serial}"
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def pinned(lock: str) -> list[Pinned]:
    """Read every pin of a lock, with its hashes and who asks for it."""
    found: list[Pinned] = []
    for block in re.split(r"^(?=[A-Za-z0-9])", lock, flags=re.MULTILINE):
        head = _PIN.match(block)
        if head is not None:
            via = (match[1] for line in block.splitlines() if (match := _VIA.match(line)))
            found.append(
                Pinned(
                    canonicalize_name(head[1]),
                    head[2],
                    tuple(_HASH.findall(block)),
                    frozenset(canonicalize_name(one) for one in via if one != "via"),
                )
            )
    return found


def listed(text: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Map each component of a CycloneDX JSON document to its version and SHA-256 hashes.

    Raises:
        CouldNotRun: it is no such document.
    """
    try:
        return {
            canonicalize_name(one["name"]): (
                one["version"],
                frozenset(
                    entry["content"]
                    for reference in one.get("externalReferences", ())
                    for entry in reference.get("hashes", ())
                ),
            )
            for one in json.loads(text)["components"]
        }
    except (ValueError, KeyError, TypeError) as error:
        raise CouldNotRun("the SBOM can't be read") from error


def _bom(root: Component, pins: Iterable[Pinned]) -> Bom:
    bom = Bom()
    bom.metadata.component = root
    components = {one.name: _component(one) for one in pins}
    bom.components.update(components.values())
    asking = {canonicalize_name(root.name): root, **components}
    children: dict[str, list[Component]] = {name: [] for name in asking}
    for one in pins:
        for parent in one.via:
            if parent not in asking:
                raise CouldNotRun(f"the lock says that {parent} asks for {one.name}, but not it")
            children[parent].append(components[one.name])
    for name, component in asking.items():
        bom.register_dependency(component, children[name])
    return bom


def _component(one: Pinned) -> Component:
    purl = PackageURL("pypi", name=one.name, version=one.version)
    return Component(
        name=one.name,
        version=one.version,
        type=ComponentType.LIBRARY,
        bom_ref=purl.to_string(),
        purl=purl,
        external_references=[
            ExternalReference(
                type=ExternalReferenceType.DISTRIBUTION,
                url=XsUri(purl.to_string()),
                comment="the files that the lock allows",
                hashes=[HashType(alg=HashAlgorithm.SHA_256, content=h) for h in one.hashes],
            )
        ],
    )
