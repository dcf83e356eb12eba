"""What in tox's settings could make a failure look like a pass."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from checks.model import Finding, Location
from checks.toxfiles.environments import commands_of, every_environment, resolve, whole_lines
from checks.toxfiles.read import BASE, read_toxfiles

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from checks.toxfiles.read import Toxfile

TOX = "workflows.tox-ignores"
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
        CouldNotRun: a file of settings can't be read.
    """
    for file in read_toxfiles(project):
        for section in file.sections:
            yield from _switches(file, section)
            yield from _softened(file, section)
        yield from _idle(file)


def _switches(file: Toxfile, section: str) -> Iterator[Finding]:
    for name, what in _IGNORING.items():
        value = resolve(file, file.sections[section].get(name, "false")).strip()
        if value.lower() not in _FALSE:
            text = f"[{section}] {name}: {what}"
            yield _finding(file, file.line_of(name), f"{name} = {value}", text)


def _softened(file: Toxfile, section: str) -> Iterator[Finding]:
    for name in _COMMANDS:
        for line in whole_lines(resolve(file, file.sections[section].get(name, ""))):
            # With factors a command follows a colon: `py311: - pytest`.
            bare = line.partition(": ")[2].strip() or line
            if bare.startswith("-") or _EXITS_ZERO.search(bare):
                text = f"[{section}] {bare}: its failure is ignored"
                yield _finding(file, file.line_of(bare, bare.lstrip("- ")), bare, text)


def _idle(file: Toxfile) -> Iterator[Finding]:
    for name, section in every_environment(file).items():
        if not commands_of(file, name, section):
            line = file.line_of(f"[{section}]", f"env.{name}]", f"[{BASE}]")
            text = f"the environment {name} has no commands, so it passes always"
            yield _finding(file, line, f"[{section}] {name}", text)


def _finding(file: Toxfile, line: int, snippet: str, text: str) -> Finding:
    return Finding(TOX, text, Location(file.path, line), snippet=snippet, context=text)
