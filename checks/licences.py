"""Licences of distributions: what their metadata declares, in SPDX terms, and what may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import license_expression  # type: ignore[import-untyped]  # the wheel has no annotations
import msgspec

from checks.policyfile import Text, read_policy, refuse

if TYPE_CHECKING:
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


class Known(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A licence that somebody looked up, where the metadata names none that is clear."""

    name: Text
    licence: Text
    why: Text


class Demands(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which licences may be shipped with; each is an SPDX identifier, with its exception."""

    schema: Literal[1]
    allowed: Annotated[frozenset[str], msgspec.Meta(min_length=1)]
    known: tuple[Known, ...] = ()

    def looked_up(self, name: str) -> Known | None:
        """Return what somebody found out of a distribution."""
        return next((one for one in self.known if one.name == name), None)


def read_demands(path: Path) -> Demands:
    """Read the policy.

    Raises:
        PolicyError: it is missing or malformed, or names what is no licence.
    """
    demands = read_policy(path, Demands)
    named = [*demands.allowed, *(one.licence for one in demands.known)]
    names = [one.name for one in demands.known]
    refuse(
        path.name,
        [f"{one} is no licence" for one in sorted(named) if not valid(one)]
        + [f"{one} is known twice" for one in sorted({n for n in names if names.count(n) > 1})],
    )
    return demands


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
