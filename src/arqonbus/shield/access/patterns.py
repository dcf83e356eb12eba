"""Patterns over names: text, `*` for any run of characters, and the caller's own name.

No regular expressions: a pattern is split at its stars, and the pieces are looked for from left to
right, so a match takes time linear in the name whatever the pattern.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from arqonbus.model.principal import Principal

MAX_CHARS: Final = 256

# In a pattern the variables are single characters that no name and no policy text can contain.
_SUBJECT: Final = "\x01"
_TENANT: Final = "\x02"
_ANY_RUN: Final = "\x03"
_NAME: Final = re.compile(r"[A-Za-z0-9_.\-*\x01\x02]+", re.ASCII)
_FORBIDDEN_IN_SUBJECTS: Final = frozenset("?[]{}")

Values = Mapping[int, str]
NO_VALUES: Final[Values] = MappingProxyType({})


def values_of(principal: Principal) -> Values:
    """What the variables stand for."""
    return {ord(_SUBJECT): principal.subject, ord(_TENANT): principal.tenant}


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern as it is written, and its pieces between the stars."""

    text: str
    pieces: tuple[str, ...]
    variable: bool

    def __str__(self) -> str:
        return self.text

    @property
    def is_any(self) -> bool:
        """Whether it is `*` alone."""
        return self.pieces == ("", "")

    def matches(self, name: str, values: Values = NO_VALUES) -> bool:
        """Whether the whole name fits, with the variables replaced by `values`."""
        # After the split, and all at once: a star or a variable in a subject is plain text.
        pieces = [it.translate(values) for it in self.pieces] if self.variable else self.pieces
        return _fits(pieces, name)

    def covers(self, other: Pattern) -> bool:
        """Whether all that `other` matches is matched by this one as well.

        A star of this one swallows stars and variables of the other, text only the same text. True
        is certain; False may be wrong where a run of stars and variables could be read two ways.
        """
        return _fits(self.pieces, _ANY_RUN.join(other.pieces))


def _fits(pieces: list[str] | tuple[str, ...], name: str) -> bool:
    first, last = pieces[0], pieces[-1]
    if len(pieces) == 1:
        return name == first
    if not (name.startswith(first) and name.endswith(last)):
        return False
    at, end = len(first), len(name) - len(last)
    for piece in pieces[1:-1]:
        found = name.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return at <= end


def name_pattern(value: object) -> Pattern:
    """A pattern for rooms or channels.

    Raises:
        ValueError: it is none, or could never match a name.
    """
    text = _text(value).replace("{subject}", _SUBJECT).replace("{tenant}", _TENANT)
    if not _NAME.fullmatch(text):
        raise ValueError(
            f"{value!r} is no pattern: letters, digits, _ . - are allowed, * for any run of them, "
            "{subject} and {tenant} for the caller's own"
        )
    return _named(str(value), text)


def tenant_pattern(value: object) -> Pattern:
    """A pattern for tenants, which has no variables.

    Raises:
        ValueError: it is none, or could never match a name.
    """
    text = _text(value)
    if not _NAME.fullmatch(text):
        raise ValueError(
            f"{value!r} is no pattern: letters, digits, _ . - are allowed, * for any run of them"
        )
    return _named(text, text)


def subject_pattern(value: object) -> Pattern:
    """A pattern for subjects: any printable text, since an issuer of tokens names them.

    Raises:
        ValueError: it is none.
    """
    text = _text(value)
    if not unicodedata.is_normalized("NFC", text):
        # No subject is spelt so: a deny would look right, and never match.
        raise ValueError(f"{value!r} matches nothing: write it in Unicode's normal form C")
    if wrong := _FORBIDDEN_IN_SUBJECTS.intersection(text):
        raise ValueError(
            f"{value!r} is no pattern: {' '.join(sorted(wrong))} mean nothing; * is any run"
        )
    return _split(text, text)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("a pattern is a string")  # noqa: TRY004 - pydantic collects ValueErrors
    if not 0 < len(value) <= MAX_CHARS or not value.isprintable():
        raise ValueError(f"a pattern has 1 to {MAX_CHARS} printable characters")
    return value


def _named(written: str, text: str) -> Pattern:
    if text[0] in ".-":
        raise ValueError(f"{written!r} matches nothing: no name begins with a dot or a dash")
    return _split(written, text)


def _split(written: str, text: str) -> Pattern:
    if "**" in text:
        raise ValueError(f"{written!r}: write one * for any run of characters")
    return Pattern(written, tuple(text.split("*")), _SUBJECT in text or _TENANT in text)
