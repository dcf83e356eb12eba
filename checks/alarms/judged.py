"""What people judged of each hit on well-kept public code: policies/wellkept.toml."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from checks.model import Finding, Location
from checks.policyfile import PolicyError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from checks.alarms.measure import Measured

TRUE, FALSE_ALARM = "true", "false alarm"
_SCHEMA = 1
_PER = 10_000


class Project(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A project as it was when its hits were judged; `lines` are lines of code."""

    name: str
    version: str
    lines: int


class Hit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One hit: where it is, whether the code does what the rule says, and why that is judged so."""

    project: str
    rule: str
    path: str
    evidence: str
    verdict: str
    why: str
    function: str = ""
    occurrence: int = 1

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the finding that is judged here."""
        place = Location(self.path)
        finding = Finding(
            self.rule, "", place, self.evidence, self.function, occurrence=self.occurrence
        )
        return finding.fingerprint


class Judged(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All judgements, and how many false alarms there may be in 10,000 lines."""

    schema: int
    most: float
    project: tuple[Project, ...]
    hit: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """The sums of some hits over some lines of code."""

    lines: int
    hits: int
    false_alarms: int

    @property
    def share(self) -> float:
        """False alarms in 10,000 lines of code."""
        return self.false_alarms * _PER / self.lines


def load_judged(path: Path) -> Judged:
    """Read the judgements.

    Raises:
        PolicyError: the file can't be read, or a judgement says too little.
    """
    try:
        judged = msgspec.toml.decode(path.read_bytes(), type=Judged)
    except (OSError, msgspec.MsgspecError) as error:
        raise PolicyError(f"{path.name} can't be read: {error}") from error
    problems = [] if judged.schema == _SCHEMA else [f"schema must be {_SCHEMA}"]
    named = {one.name for one in judged.project}
    for one in judged.hit:
        label = f"{one.project}: {one.path}: {one.evidence}"
        if one.verdict not in {TRUE, FALSE_ALARM}:
            problems.append(f"{label}: the verdict is {TRUE!r} or {FALSE_ALARM!r}")
        if one.project not in named or not one.why.strip():
            problems.append(f"{label}: no such project, or no reason")
    prints = [one.fingerprint for one in judged.hit]
    if len(set(prints)) != len(prints):
        problems.append("a hit is judged twice")
    if not judged.project or any(one.lines <= 0 for one in judged.project):
        problems.append("no project, or one without lines")
    if problems:
        raise PolicyError(f"{path.name}: " + "; ".join(problems))
    return judged


def figures(judged: Judged, *, project: str | None = None, rule: str | None = None) -> Figures:
    """Return the sums, of one project or all, of one rule or all."""
    lines = sum(one.lines for one in judged.project if project in {None, one.name})
    hits = [
        one for one in judged.hit if project in {None, one.project} and rule in {None, one.rule}
    ]
    return Figures(lines, len(hits), sum(one.verdict == FALSE_ALARM for one in hits))


def disagreements(judged: Judged, measured: Sequence[Measured]) -> list[str]:
    """Return what keeps the judgements from being true of what was measured, as sentences."""
    said = {one.name: (one.version, one.lines) for one in judged.project}
    seen = {one.name: (one.version, one.lines) for one in measured}
    problems = [
        f"{name}: judged as version and lines {said.get(name)}, measured {seen.get(name)}"
        for name in sorted(said.keys() | seen.keys())
        if said.get(name) != seen.get(name)
    ]
    found = {one.fingerprint for project in measured for one in project.findings}
    problems += [
        f"{hit.project}: nothing is there to be judged any more: {hit.rule}, {hit.path}, "
        f"{hit.evidence}"
        for hit in judged.hit
        if hit.fingerprint not in found
    ]
    share = figures(judged).share
    if share > judged.most:
        problems.append(f"{share:.2f} false alarms in {_PER:,} lines; {judged.most:g} are allowed")
    return problems


def unjudged(judged: Judged, measured: Sequence[Measured]) -> list[tuple[str, Finding]]:
    """Return the findings that nobody has judged, each with its project."""
    known = {one.fingerprint for one in judged.hit}
    return [
        (project.name, one)
        for project in measured
        for one in project.findings
        if one.fingerprint not in known
    ]
