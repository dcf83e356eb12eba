"""Regular expressions in time linear to the text, whoever wrote the pattern and the text.

RE2 has no backtracking, hence no look-around and no back-references. `re` would let one message
stop the bus for minutes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import re2  # type: ignore[import-untyped]  # the wheel has no annotations; this module gives them

MAX_PATTERN_CHARS: Final = 4096
MAX_PROGRAM_BYTES: Final = 16 * 1024 * 1024


class PatternError(ValueError):
    """A pattern that can't be used; the text says why."""


class Pattern:
    """A compiled pattern."""

    def __init__(self, text: str, *, captures: bool = True) -> None:
        """Compile it.

        Raises:
            PatternError: it is no pattern of RE2, or too large a one.
        """
        options = re2.Options()
        options.log_errors = False
        options.max_mem = MAX_PROGRAM_BYTES
        options.never_capture = not captures
        try:
            self._compiled = re2.compile(text, options)
        except re2.error as error:
            reason = error.args[0] if error.args else ""
            said = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
            raise PatternError(f"is no pattern that RE2 takes: {said}") from None

    def found(self, text: str) -> bool:
        """Whether it matches anywhere."""
        return self._compiled.search(text.encode(errors="replace")) is not None

    def whole(self, text: str) -> bool:
        """Whether it matches the text as a whole."""
        return self._compiled.fullmatch(text.encode(errors="replace")) is not None

    def matches(self, text: str) -> Iterator[str]:
        """What it matches, from left to right: the first group that took part, or all of it.

        Matches may overlap: the next one is looked for from just behind this one's beginning, so
        that nothing hides behind what turns out to be no find.
        """
        data, at = text.encode(errors="replace"), 0
        while (match := self._compiled.search(data, at)) is not None:
            groups = range(1, self._compiled.groups + 1)
            start, end = match.span(next((n for n in groups if match[n] is not None), 0))
            yield data[start:end].decode(errors="replace")
            at = start + 1


# Joined alternatives of which there are none would be found everywhere.
NOTHING: Final = Pattern(r"[^\x00-\x{10FFFF}]", captures=False)


def checked(text: str) -> Pattern:
    """The pattern of an operator.

    Raises:
        PatternError: it is none, too long, or one that matches where nothing is.
    """
    if len(text) > MAX_PATTERN_CHARS:
        raise PatternError(f"is longer than {MAX_PATTERN_CHARS} characters")
    pattern = Pattern(text)
    if pattern.found(""):
        raise PatternError("matches the empty text, so it would match everything")
    return pattern


def any_of(patterns: Sequence[str]) -> Pattern | None:
    """One pattern that finds what any of them finds; None if they can't be joined."""
    try:
        return Pattern("|".join(f"(?:{text})" for text in patterns), captures=False)
    except PatternError:
        return None


def word(texts: Sequence[str]) -> str:
    """The pattern of any of these words, if it stands alone, in upper or lower case."""
    return rf"(?i)(?:^|\W)({'|'.join(map(re2.escape, texts))})(?:\W|$)"


def names(patterns: Sequence[str]) -> Pattern:
    """Whole names, in which ``*`` stands for any number of characters."""
    parts = (".*".join(re2.escape(piece) for piece in name.split("*")) for name in patterns)
    return Pattern("|".join(f"(?:{part})" for part in parts), captures=False)
