"""Comments by which code asks a tool to look away, found where they stand.

Python is tokenised, so that a string which only speaks of such a comment is none.
"""

from __future__ import annotations

import io
import re
import tokenize
from dataclasses import dataclass
from typing import TYPE_CHECKING

from checks.model import CouldNotRun

if TYPE_CHECKING:
    from collections.abc import Iterator

# What may follow each word is its codes; a kind that takes none is never blanket.
_KINDS = {
    "noqa": re.compile(r"noqa\b(?P<codes>\s*:\s*[A-Z]+\d+(?:[,\s]+[A-Z]+\d+)*)?", re.IGNORECASE),
    "file-noqa": re.compile(
        r"(?:ruff|flake8)\s*:\s*(?:noqa|disable|file-ignore)\b"
        r"(?P<codes>\s*:\s*[A-Z]+\d+[A-Z\d,\s]*|\s*\[[\w,\s-]+\])?",
        re.IGNORECASE,
    ),
    "ruff-ignore": re.compile(r"ruff\s*:\s*ignore\b(?P<codes>\s*\[[\w,\s-]+\])?"),
    "type-ignore": re.compile(r"type:\s*ignore(?P<codes>\[[^\]]+\])?"),
    "pyright-ignore": re.compile(r"pyright:\s*(?:ignore(?P<codes>\[[^\]]+\])?|basic|off)"),
    "mypy": re.compile(r"mypy:\s*(?:ignore[-_]errors\b|(?P<codes>[\w-]+))"),
    "pylint": re.compile(
        r"pylint:\s*(?:disable(?:-next)?\s*=\s*(?:all\b|(?P<codes>[\w,\s-]+))|skip-file)"
    ),
    "no-cover": re.compile(r"pragma:\s*no\s*(?P<codes>cover|branch)"),
    "nosec": re.compile(r"nosec\b(?P<codes>\s*:?\s*B\d+(?:[,\s]+B\d+)*)?"),
    "nosemgrep": re.compile(r"nosemgrep\b(?P<codes>\s*:\s*[\w.,-]+)?"),
    "deptry-ignore": re.compile(r"deptry:\s*ignore(?P<codes>\[[^\]]+\])?"),
    "format-off": re.compile(r"(?:fmt|yapf|autopep8):\s*(?P<codes>off|skip|disable)\b"),
    "isort": re.compile(r"isort:\s*(?P<codes>skip_file|skip|off|dont-add-imports?)\b"),
    "allow-secret": re.compile(r"pragma:\s*(?P<codes>(?:allow|white)list)\s+secret"),
}
KINDS = frozenset(_KINDS)
_WORDS = re.compile(r"[^\W\d_]{3,}")


@dataclass(frozen=True, slots=True)
class Suppression:
    """One request to look away; `blanket` when it names no code, `reason` as it is written."""

    kind: str
    line: int
    text: str
    blanket: bool
    reason: str

    @property
    def explained(self) -> bool:
        """True when the reason has at least two words."""
        return len(_WORDS.findall(self.reason)) > 1


def in_python(text: str, path: str) -> Iterator[Suppression]:
    """Yield the suppressions of a Python file.

    Raises:
        CouldNotRun: the file can't be tokenised.
    """
    lines = text.splitlines()
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, SyntaxError) as error:
        raise CouldNotRun(f"{path} can't be read for suppressions: {error}") from error
    for token in tokens:
        if token.type == tokenize.COMMENT:
            line = token.start[0]
            yield from _in_comment(token.string, line, lines[line - 1].strip())


def _in_comment(comment: str, line: int, text: str) -> Iterator[Suppression]:
    """Read a comment part by part: several requests may stand on one line, a reason after each."""
    parts = [part.strip() for part in comment.split("#")]
    for number, part in enumerate(parts):
        for kind, pattern in _KINDS.items():
            found = pattern.match(part)
            if found is not None:
                following = parts[number + 1] if number + 1 < len(parts) else ""
                said = following if not _is_request(following) else ""
                reason = f"{part[found.end() :]} {said}".strip()
                yield Suppression(kind, line, text, not found["codes"], reason)


def _is_request(part: str) -> bool:
    return any(pattern.match(part) for pattern in _KINDS.values())
