"""What policies/workflows.toml demands of the workflows."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypeVar

from checks.policyfile import PolicyError, read_toml, unknown_keys

if TYPE_CHECKING:
    from pathlib import Path

FILE = "workflows.toml"
_Entry = TypeVar("_Entry", "Call", "Write")


@dataclass(frozen=True, slots=True)
class Call:
    """A command that a workflow must run, whole and by itself, on each of some triggers.

    `before` names a job that may only run after it; empty when there is none.
    """

    file: str
    command: str
    on: tuple[str, ...]
    why: str
    before: str = ""


@dataclass(frozen=True, slots=True)
class Write:
    """A right beyond reading that a job may have."""

    file: str
    job: str
    right: str
    why: str


@dataclass(frozen=True, slots=True)
class Demands:
    """The whole policy. `least` asks every job to name its own rights."""

    least: bool
    calls: tuple[Call, ...]
    writes: tuple[Write, ...]


def read_demands(path: Path) -> Demands:
    """Read the policy.

    Raises:
        PolicyError: with every problem at once.
    """
    table = read_toml(path)
    problems = unknown_keys(path.name, table, {"schema", "least_rights", "call", "write"})
    if table.get("schema") != 1:
        problems.append(f"{path.name}: schema must be 1")
    if not isinstance(table.get("least_rights"), bool):
        problems.append(f"{path.name}: least_rights is true or false")
    calls = _entries(path.name, table.get("call", []), Call, problems)
    writes = _entries(path.name, table.get("write", []), Write, problems)
    if problems:
        raise PolicyError("; ".join(problems))
    return Demands(bool(table["least_rights"]), calls, writes)


def _entries(name: str, raw: object, kind: type[_Entry], problems: list[str]) -> tuple[_Entry, ...]:
    made: list[_Entry] = []
    for entry in raw if isinstance(raw, list) else [raw]:
        if not isinstance(entry, dict):
            problems.append(f"{name}: an entry is no table")
            continue
        wrong = unknown_keys(f"{name}: an entry", entry, {one.name for one in fields(kind)})
        # Any: TOML, of which only texts and the list of triggers are allowed, as checked here.
        values: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in entry.items()
        }
        wrong += [f"{name}: {k} is no text" for k, v in values.items() if k != "on" and not v]
        try:
            made.append(kind(**({} if wrong else values)))
        except TypeError as error:
            problems.extend(wrong or [f"{name}: {error}"])
    return tuple(made)
