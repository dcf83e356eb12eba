"""The specimens: small bad and good examples that show, in the same run, that a rule bites.

Layout: ``policies/specimens/<gate>/<rule>/bad_*`` and ``good_*``, files or folders; `<rule>` is
the rule's id without the gate's prefix (``static.swallowed-exception`` → ``swallowed-exception``).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from checks.model import CouldNotRun, SpecimenOutcome

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_BAD, _GOOD = "bad_", "good_"


@dataclass(frozen=True, slots=True)
class Specimen:
    """One example: `path` is a file or a folder, `should_fire` is true for a bad one."""

    rule: str
    path: Path
    name: str
    should_fire: bool

    @property
    def sha256(self) -> str:
        """SHA-256 of the file, or of all files in the folder with their names."""
        return digest(self.path)

    def outcome(self, *, fired: bool) -> SpecimenOutcome:
        """Record whether the rule fired on this specimen."""
        return SpecimenOutcome(self.rule, self.name, self.sha256, self.should_fire, fired)


def discover(policies: Path, gate: str) -> tuple[Specimen, ...]:
    """Return all specimens of a gate, sorted; anything that is neither bad nor good is an error.

    Raises:
        CouldNotRun: the gate has no specimens, or an entry's name is neither bad_* nor good_*.
    """
    folder = policies / "specimens" / gate
    found = [one for rule in _entries(folder) for one in _of_rule(policies, gate, rule)]
    if not found:
        raise CouldNotRun(f"the gate {gate} has no specimens: it can't show that it bites")
    return tuple(found)


def require_pairs(rules: Iterable[str], outcomes: Iterable[SpecimenOutcome]) -> list[str]:
    """Return the rules that lack a bad or a good outcome, as sentences; empty when all is well."""
    seen = {(one.rule, one.should_fire) for one in outcomes}
    return [
        f"rule {rule} has no {kind} specimen"
        for rule in rules
        for kind, should_fire in (("bad", True), ("good", False))
        if (rule, should_fire) not in seen
    ]


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, or of a folder's files with their relative names."""
    if path.is_file():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    total = hashlib.sha256()
    for file in sorted(path.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            inner = hashlib.sha256(file.read_bytes()).hexdigest()
            total.update(f"{file.relative_to(path).as_posix()}\0{inner}\n".encode())
    return total.hexdigest()


def _of_rule(policies: Path, gate: str, folder: Path) -> list[Specimen]:
    if not folder.is_dir():
        raise CouldNotRun(f"specimens/{gate}/{folder.name} is not a rule's folder")
    rule = f"{gate}.{folder.name}"
    return [_specimen(policies, rule, entry) for entry in _entries(folder)]


def _specimen(policies: Path, rule: str, entry: Path) -> Specimen:
    if not entry.name.startswith((_BAD, _GOOD)):
        raise CouldNotRun(f"specimen {entry.name} of {rule} is named neither bad_* nor good_*")
    name = entry.relative_to(policies).as_posix()
    return Specimen(rule, entry, name, should_fire=entry.name.startswith(_BAD))


def _entries(folder: Path) -> list[Path]:
    """List a folder without hidden files and caches; a missing folder has nothing in it."""
    if not folder.is_dir():
        return []
    return sorted(e for e in folder.iterdir() if e.name != "__pycache__" and e.name[0] != ".")
