"""policies/secrets.toml: what is not looked at, and what looks like a secret and is none."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from typing import TYPE_CHECKING

from checks.policyfile import PolicyError, read_toml, unknown_keys

if TYPE_CHECKING:
    from pathlib import Path

FILE = "secrets.toml"


@dataclass(frozen=True, slots=True)
class Entry:
    """Files by a pattern in which ``*`` matches any characters, also ``/``.

    `kinds` are detect-secrets' names of what may be found there; none where nothing is looked for.
    """

    path: str
    why: str
    kinds: frozenset[str] = frozenset()

    def covers(self, path: str) -> bool:
        """Tell whether a path is meant."""
        return fnmatch.fnmatchcase(path, self.path)


@dataclass(frozen=True, slots=True)
class Demands:
    """The whole policy; with `all_needed` an entry that covers nothing is a finding."""

    all_needed: bool
    skip: tuple[Entry, ...]
    allow: tuple[Entry, ...]


def read_demands(path: Path) -> Demands:
    """Read the policy.

    Raises:
        PolicyError: with every problem at once.
    """
    table = read_toml(path)
    problems = unknown_keys(path.name, table, {"schema", "all_needed", "skip", "allow"})
    if table.get("schema") != 1:
        problems.append(f"{path.name}: schema must be 1")
    if not isinstance(table.get("all_needed"), bool):
        problems.append(f"{path.name}: all_needed is true or false")
    skip = _entries(path.name, table.get("skip", []), {"path", "why"}, problems)
    allow = _entries(path.name, table.get("allow", []), {"path", "why", "kinds"}, problems)
    if problems:
        raise PolicyError("; ".join(problems))
    return Demands(bool(table["all_needed"]), skip, allow)


def _entries(name: str, raw: object, wanted: set[str], problems: list[str]) -> tuple[Entry, ...]:
    made: list[Entry] = []
    for entry in raw if isinstance(raw, list) else [raw]:
        if not isinstance(entry, dict) or set(entry) != wanted:
            problems.append(f"{name}: an entry has {', '.join(sorted(wanted))}, and nothing else")
            continue
        kinds = entry.get("kinds", [])
        texts = [entry["path"], entry["why"], *(kinds if isinstance(kinds, list) else [None])]
        if not all(isinstance(one, str) and one for one in texts):
            problems.append(f"{name}: an entry's path and why are texts, its kinds a list of them")
            continue
        made.append(Entry(entry["path"], entry["why"], frozenset(kinds)))
    return tuple(made)
