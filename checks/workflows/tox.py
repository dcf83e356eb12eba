"""What in tox.ini could make a failure look like a pass."""

from __future__ import annotations

import configparser
import re
from typing import TYPE_CHECKING

from checks.model import CouldNotRun, Finding, Location

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOX = "workflows.tox-ignores"
FILE = "tox.ini"
_IGNORING = {
    "ignore_outcome": "a failure does not count",
    "ignore_errors": "the commands after a failure go on",
    "platform": "on another platform nothing runs, and that passes",
    "skip_missing_interpreters": "a missing interpreter is passed over",
}
_COMMANDS = ("commands", "commands_pre", "commands_post")
# ruff, flake8, pylint and bandit end with 0 whatever they found when told so.
_EXITS_ZERO = re.compile(r"\s--exit-zero\b|\bruff\s+check\s(?:.*\s)?-\w*e")
_FALSE = frozenset({"false", "0", "no", ""})


def tox_ignores(project: Path) -> Iterator[Finding]:
    """Yield settings by which a failure would be passed over, commands that may fail, and
    environments that do nothing.

    Raises:
        CouldNotRun: tox.ini can't be read.
    """
    path = project / FILE
    if not path.is_file():
        return
    lines = path.read_text("utf-8").splitlines()
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string("\n".join(lines))
    except configparser.Error as error:
        raise CouldNotRun(f"{FILE} can't be read: {error}") from error
    inherited = parser.has_option("testenv", "commands")
    for section in parser.sections():
        yield from _of_section(parser, section, lines, inherited=inherited)


def _of_section(
    parser: configparser.ConfigParser, section: str, lines: list[str], *, inherited: bool
) -> Iterator[Finding]:
    for name, what in _IGNORING.items():
        value = parser.get(section, name, fallback="false").strip()
        if value.lower() not in _FALSE:
            yield _finding(lines, f"{name} = {value}", name, f"[{section}] {name}: {what}")
    for name in _COMMANDS:
        for line in parser.get(section, name, fallback="").splitlines():
            # With factors a command follows a colon: `py311: - pytest`.
            bare = line.strip().partition(": ")[2].strip() or line.strip()
            if bare.startswith("-") or _EXITS_ZERO.search(bare):
                yield _finding(lines, bare, bare, f"[{section}] {bare}: its failure is ignored")
    is_env = section == "testenv" or section.startswith("testenv:")
    if is_env and not inherited and not parser.get(section, "commands", fallback="").strip():
        head = f"[{section}]"
        yield _finding(lines, head, head, f"{head} has no commands, so it passes always")


def _finding(lines: list[str], snippet: str, needle: str, text: str) -> Finding:
    line = next((number for number, one in enumerate(lines, 1) if needle in one), 1)
    return Finding(TOX, text, Location(FILE, line), snippet=snippet, context=text)
