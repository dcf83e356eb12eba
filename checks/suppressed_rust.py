"""Attributes by which Rust code asks the compiler to look away, found where they stand."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from checks.suppressed import Suppression

if TYPE_CHECKING:
    from collections.abc import Iterator

KINDS = frozenset({"rust-allow", "rust-expect"})
# An attribute may go over several lines, stand in a cfg_attr, and say its reason in itself.
_ATTRIBUTE = re.compile(
    r"#!?\[(?:\s*cfg_attr\s*\([^\[\]]*?,)?\s*(?P<word>allow|expect)\s*\(\s*"
    r"(?P<codes>[a-z](?:[^()\"]|\"(?:[^\"\\]|\\.)*\")*)\)"
)
_REASON = re.compile(r",?\s*reason\s*=\s*\"(?P<said>(?:[^\"\\]|\\.)*)\"")
_EVERYTHING = frozenset({"warnings", "clippy::all"})
_COMMENT = "//"


def in_rust(text: str) -> Iterator[Suppression]:
    """Yield the ``allow`` and ``expect`` attributes of a Rust file.

    A reason stands in the attribute, or in a comment on its last line or on the line above.
    """
    lines = text.split("\n")
    for found in _ATTRIBUTE.finditer(text):
        first, last = (text.count("\n", 0, end) for end in (found.start(), found.end()))
        before = text[: found.start()].rpartition("\n")[2]
        if _COMMENT in before:
            continue  # a comment that only speaks of one
        codes = _REASON.sub("", found["codes"]).split(",")
        yield Suppression(
            f"rust-{found['word']}",
            first + 1,
            " ".join(part.strip() for part in lines[first : last + 1]),
            blanket=not _EVERYTHING.isdisjoint(code.strip() for code in codes),
            reason=_reason(found, lines[first - 1] if first else ""),
        )


def _reason(found: re.Match[str], above: str) -> str:
    inside = _REASON.search(found["codes"])
    beside = found.string[found.end() :].partition("\n")[0].partition(_COMMENT)[2]
    said = above.strip() if above.strip().startswith(_COMMENT) else ""
    return f"{inside['said'] if inside else ''} {beside} {said}"
