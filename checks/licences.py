"""Licences of distributions: what their metadata declares, in SPDX terms, and what may be."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import license_expression  # type: ignore[import-untyped]  # the wheel has no annotations

from checks.policyfile import PolicyError, read_toml, unknown_keys

if TYPE_CHECKING:
    from collections.abc import Mapping
    from email.message import Message
    from importlib.metadata import PackageMetadata
    from pathlib import Path

_SPDX = license_expression.get_spdx_licensing()
# Old classifiers and free texts that mean exactly one licence; "BSD License" for one does not.
_MEANING = {
    "License :: OSI Approved :: MIT License": "MIT",
    "License :: OSI Approved :: Apache Software License": "Apache-2.0",
    "License :: OSI Approved :: Python Software Foundation License": "PSF-2.0",
    "License :: OSI Approved :: ISC License (ISCL)": "ISC",
    "License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "License :: OSI Approved :: The Unlicense (Unlicense)": "Unlicense",
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "MIT License": "MIT",
    "BSD 3-Clause": "BSD-3-Clause",
}


@dataclass(frozen=True, slots=True)
class Known:
    """A licence that somebody looked up, where the metadata names none that is clear."""

    name: str
    licence: str
    why: str


@dataclass(frozen=True, slots=True)
class Demands:
    """Which licences may be shipped with; each is an SPDX identifier, with its exception."""

    allowed: frozenset[str]
    known: Mapping[str, Known]


def read_demands(path: Path) -> Demands:
    """Read the policy.

    Raises:
        PolicyError: with every problem at once.
    """
    table = read_toml(path)
    problems = unknown_keys(path.name, table, {"schema", "allowed", "known"})
    allowed, entries = table.get("allowed"), table.get("known", [])
    if table.get("schema") != 1:
        problems.append(f"{path.name}: schema must be 1")
    texts = allowed if isinstance(allowed, list) and allowed else []
    problems += [] if texts else [f"{path.name}: allowed is a list of SPDX identifiers"]
    problems += [f"{path.name}: {one} is no licence" for one in texts if not valid(str(one))]
    known: dict[str, Known] = {}
    for entry in entries if isinstance(entries, list) else [entries]:
        problems += (wrong := _entry_problems(path.name, entry))
        if not wrong and isinstance(entry, dict):
            values: dict[str, Any] = dict(entry)  # Any: TOML, whose shape was checked just above
            known[values["name"]] = Known(**values)
    if problems:
        raise PolicyError("; ".join(problems))
    return Demands(frozenset(map(str, texts)), known)


def declared(metadata: Message | PackageMetadata) -> str | None:
    """Return what a distribution's metadata declares, or None when that is nothing clear.

    The expression comes first (PEP 639), then the old free text, then the classifiers: of several
    all must be allowed, since they don't say whether one may choose.
    """
    expression = _first(metadata, "License-Expression")
    if expression is not None:
        return expression if valid(expression) else None
    text = " ".join((_first(metadata, "License") or "").split())
    text = _MEANING.get(text, text)
    if text and valid(text):
        return text
    named = [c for c in metadata.get_all("Classifier") or [] if c.startswith("License :: OSI App")]
    meanings = [_MEANING.get(one) for one in named]
    if not meanings or None in meanings:
        return None
    return " AND ".join(sorted({one for one in meanings if one}))


def _first(metadata: Message | PackageMetadata, name: str) -> str | None:
    values = metadata.get_all(name)
    return str(values[0]) if values else None


def valid(expression: str) -> bool:
    """Tell whether a text is an SPDX expression of known licences."""
    try:
        _SPDX.parse(expression, validate=True, strict=True)
    except (license_expression.ExpressionError, license_expression.ParseError):
        return False
    return bool(expression.strip())


def allowed(expression: str, licences: frozenset[str]) -> bool:
    """Tell whether an expression can be met by allowed licences: of OR one, of AND all."""
    return _met(_SPDX.parse(expression), licences)


def _met(node: Any, licences: frozenset[str]) -> bool:  # noqa: ANN401 - the library's tree  # Any: it has no types
    if isinstance(node, _SPDX.OR):
        return any(_met(one, licences) for one in node.args)
    if isinstance(node, _SPDX.AND):
        return all(_met(one, licences) for one in node.args)
    return str(node) in licences


def _entry_problems(name: str, entry: object) -> list[str]:
    if not isinstance(entry, dict):
        return [f"{name}: known is no list of tables"]
    wanted = {one.name for one in fields(Known)}
    problems = unknown_keys(f"{name}: known", entry, wanted)
    problems += [
        f"{name}: known {entry.get('name', '?')}: {key} is missing"
        for key in sorted(wanted)
        if not isinstance(entry.get(key), str) or not entry[key]
    ]
    if not problems and not valid(entry["licence"]):
        problems.append(f"{name}: {entry['licence']} is no licence")
    return problems
