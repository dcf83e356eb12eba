"""The gate `sbom`: the bill of materials is true, whole, valid, and goes with the wheel."""

from __future__ import annotations

import json
import tarfile
import tomllib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cyclonedx.schema import SchemaVersion

from checks.kept import digest_artifacts, digest_files, digest_texts
from checks.manifest import RUNTIME_LOCK
from checks.model import CouldNotRun, Finding, GateOutput, Location, NotApplicable, Scope
from checks.sbom import listed, pinned, render_sbom, sbom_path
from checks.specimens import discover
from checks.wheels.archive import read_wheel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from checks.context import Context
    from checks.model import SpecimenOutcome

STALE = "sbom.stale"
INCOMPLETE = "sbom.incomplete"
INVALID = "sbom.invalid"
NOT_SHIPPED = "sbom.not-shipped"

_REMEDIATION = "Run scripts/lock, or python -m checks sbom, and commit what it writes."


@dataclass(frozen=True, slots=True)
class Copies:
    """The file as it should be, and as it is in the tree, the wheel and the sdist."""

    path: str
    right: str
    tree: str | None
    wheel: str | None
    sdist: str | None


class SbomGate:
    """Hold the SBOM of the tree, the wheel and the sdist against the lock."""

    name = "sbom"
    title = "The bill of materials is true and goes with the wheel"
    rules: tuple[str, ...] = (STALE, INCOMPLETE, INVALID, NOT_SHIPPED)

    def inputs(self, context: Context) -> str:
        """Digest the lock, the file and what was built."""
        names = [RUNTIME_LOCK, "pyproject.toml", sbom_path(context.manifest.name)]
        return digest_texts([digest_files(context.project, names), digest_artifacts(context)])

    def check(self, context: Context) -> GateOutput:
        """Judge all copies of the file.

        Raises:
            NotApplicable: another project keeps none, or has no lock to make one from.
        """
        path = sbom_path(context.manifest.name)
        if not context.own and not (context.project / path).is_file():
            raise NotApplicable(f"the project keeps no {path}")
        copies = _copies(context, path)
        lock = (context.project / RUNTIME_LOCK).read_text("utf-8")
        seen = frozenset(listed(copies.tree)) if copies.tree is not None else frozenset[str]()
        names = frozenset(context.manifest.locked)
        return GateOutput(
            (Scope("distributions", names, names & seen),),
            findings=tuple(judge(copies, lock)),
            notes=(f"{path}: {len(seen)} components",),
        )

    def specimens(self, context: Context) -> tuple[SpecimenOutcome, ...]:
        """Judge invented locks, with copies that are right, changed or missing."""
        return tuple(
            one.outcome(fired=one.rule in {found.rule for found in _judge_folder(one.path)})
            for one in discover(context.policies, self.name)
        )


def judge(copies: Copies, lock: str) -> Iterator[Finding]:
    """Yield what is wrong with the copies."""
    if copies.tree is None:
        yield _finding(STALE, copies, "is not there")
        return
    if copies.tree != copies.right:
        yield _finding(STALE, copies, "is not what the lock gives")
    components = listed(copies.tree)
    wanted = {one.name: (one.version, frozenset(one.hashes)) for one in pinned(lock)}
    for name in sorted({*wanted, *components}):
        if wanted.get(name) != components.get(name):
            yield _finding(INCOMPLETE, copies, f"and the lock differ in {name}")
    # It compiles a grammar of international addresses as it is imported, for a second.
    from cyclonedx.validation.json import JsonStrictValidator  # noqa: PLC0415 - see above

    wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(copies.tree)
    if wrong is not None:
        first = str(wrong.data).splitlines()[0]
        yield _finding(INVALID, copies, f"is no CycloneDX 1.6: {first}")
    for where, copy in (("wheel", copies.wheel), ("sdist", copies.sdist)):
        if copy != copies.tree:
            how = "is not in" if copy is None else "is another in"
            yield _finding(NOT_SHIPPED, copies, f"{how} the {where}")


def _finding(rule: str, copies: Copies, what: str) -> Finding:
    return Finding(
        rule,
        f"the SBOM {what}",
        Location(copies.path),
        snippet=what,
        context=rule,
        remediation=_REMEDIATION,
    )


def _copies(context: Context, path: str) -> Copies:
    made = context.artifacts()
    file = context.project / path
    wheel = read_wheel(made.wheel)
    inside = wheel.members.get(f"{wheel.dist_info}/sboms/{file.name}")
    return Copies(
        path,
        render_sbom(context.project),
        file.read_text("utf-8") if file.is_file() else None,
        inside.decode("utf-8", "replace") if inside is not None else None,
        _in_sdist(made.sdist, path),
    )


def _in_sdist(sdist: Path, path: str) -> str | None:
    with tarfile.open(sdist, "r:gz") as archive:
        for member in archive:
            if member.name.partition("/")[2] == path and (file := archive.extractfile(member)):
                return file.read().decode("utf-8", "replace")
    return None


def _judge_folder(folder: Path) -> list[Finding]:
    """Judge a specimen: ``case.toml`` says of each copy what was done to it."""
    case = tomllib.loads((folder / "case.toml").read_text("utf-8"))
    right = render_sbom(folder)
    tree = _changed(right, case.get("tree", "same"))
    copies = Copies(sbom_path("parcel"), right, tree, tree, tree)
    if "wheel" in case:
        copies = replace(copies, wheel=_changed(right, case["wheel"]))
    if "sdist" in case:
        copies = replace(copies, sdist=_changed(right, case["sdist"]))
    return list(judge(copies, (folder / RUNTIME_LOCK).read_text("utf-8")))


def _changed(text: str, how: str) -> str | None:
    """Do to a copy what a specimen says: ``same``, ``missing``, or one of the edits."""
    document = json.loads(text)
    if how == "missing":
        return None
    if how == "component gone":
        del document["components"][0]
    elif how == "hash gone":
        del document["components"][0]["externalReferences"][0]["hashes"][0]
    elif how == "other version":
        document["components"][0]["version"] = "99"
    elif how == "no format":
        del document["bomFormat"]
    elif how == "unknown key":
        document["bill"] = True
    elif how == "spaces":
        return json.dumps(document)
    elif how != "same":
        raise CouldNotRun(f"a specimen wants {how!r} done to its SBOM")
    return json.dumps(document, indent=1, sort_keys=True) + "\n"
