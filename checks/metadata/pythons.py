"""Which Pythons the project is for: requires-python, the classifiers, tox and mypy say the same."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mypy import defaults as mypy_settings
from packaging.specifiers import SpecifierSet

from checks.metadata.said import wrong
from checks.toxfiles.environments import pythons_listed
from checks.toxfiles.read import read_toxfiles

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from checks.metadata.said import Said
    from checks.model import Finding

PYTHONS = "metadata.pythons"
_CLASSIFIER = re.compile(r"^Programming Language :: Python :: (3\.\d+)$")
_FIRST_OF_MYPY = mypy_settings.PYTHON3_VERSION_MIN[1]
# More minor and patch versions than there will soon be.
_MINORS, _PATCHES = 40, 30


def pythons(said: Said) -> Iterator[Finding]:
    """What requires-python allows is what the classifiers, tox and mypy name.

    Raises:
        CouldNotRun: tox's settings can't be read.
    """
    wanted = said.head.get("requires-python")
    if wanted is None:
        if said.head:
            yield wrong(PYTHONS, "requires-python is missing")
        return
    classifiers = said.head.get("classifiers", [])
    named = {found[1] for one in classifiers if (found := _CLASSIFIER.match(str(one)))}
    allowed = SpecifierSet(str(wanted))
    for one in sorted(named):
        if not _allows(allowed, one):
            yield wrong(PYTHONS, f"a classifier names Python {one}, {wanted} excludes it")
    yield from _against_tox(said.folder, named)
    yield from _against_mypy(said, allowed)


def _against_tox(folder: Path, named: set[str]) -> Iterator[Finding]:
    """Hold the classifiers against the Pythons that tox runs on, where both name some."""
    for file in read_toxfiles(folder):
        tested = pythons_listed(file)
        for one in sorted(tested - named) if named else ():
            text = f"tox tests Python {one}, which no classifier names"
            yield wrong(PYTHONS, text, file.path)
        for one in sorted(named - tested) if tested else ():
            text = f"a classifier names Python {one}, which tox does not test"
            yield wrong(PYTHONS, text, file.path)


def _against_mypy(said: Said, allowed: SpecifierSet) -> Iterator[Finding]:
    """Hold the one Python that mypy judges by against the oldest: by a newer one it misses faults.

    A mypy that no longer knows the oldest judges by the oldest that it knows.
    """
    table = said.document.get("tool", {}).get("mypy", {})
    judged = table.get("python_version") if isinstance(table, dict) else None
    if judged is None:
        return
    oldest = [_oldest(allowed, first) for first in (0, _FIRST_OF_MYPY)]
    if str(judged) not in oldest:
        text = f"mypy judges by Python {judged}, requires-python allows {oldest[0]} and newer"
        yield wrong(PYTHONS, text)


def _oldest(allowed: SpecifierSet, first: int) -> str:
    names = (f"3.{minor}" for minor in range(first, _MINORS))
    return next((name for name in names if _allows(allowed, name)), "none")


def _allows(allowed: SpecifierSet, python: str) -> bool:
    return any(allowed.contains(f"{python}.{patch}") for patch in range(_PATCHES))
