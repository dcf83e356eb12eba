"""What gates say: findings, scopes, specimen outcomes and results. Frozen data, no I/O."""

from __future__ import annotations

import enum
import hashlib
from dataclasses import dataclass, field
from pathlib import PurePosixPath


class Status(enum.StrEnum):
    """The outcome of a gate or a control.

    COULD_NOT_RUN counts as failed everywhere. NOT_EVALUATED exists only in degraded mode, for a
    gate that needs the outside world; NOT_APPLICABLE only for another project's tree.
    """

    PASSED = "passed"
    FAILED = "failed"
    COULD_NOT_RUN = "could_not_run"
    NOT_EVALUATED = "not_evaluated"
    NOT_APPLICABLE = "not_applicable"
    WAIVED = "waived"


class Mode(enum.StrEnum):
    """How strict the run is: see docs/release-check.md."""

    STRICT = "strict"
    DEGRADED = "degraded"


class CouldNotRun(Exception):  # noqa: N818 - named as the status it leads to
    """A gate has no trustworthy answer: a tool crashed, skipped, or scanned nothing."""


class NotEvaluated(Exception):  # noqa: N818 - named as the status it leads to
    """A gate lacks a source outside this machine; allowed in degraded mode only."""


class NotApplicable(Exception):  # noqa: N818 - named as the status it leads to
    """A gate needs means that the project under check does not have."""


@dataclass(frozen=True, slots=True)
class Location:
    """A place in the project: `path` is relative to its root, POSIX; `line` and `column` from 1."""

    path: str
    line: int | None = None
    column: int | None = None

    def __post_init__(self) -> None:
        if PurePosixPath(self.path).is_absolute() or "\\" in self.path:
            raise ValueError(f"a location is relative and POSIX, not {self.path!r}")


@dataclass(frozen=True, slots=True)
class Finding:
    """One violation of one rule.

    `rule` is the id that controls refer to (``static.swallowed-exception``); `snippet` is the
    evidence line; `context` is what keeps the fingerprint stable when lines move: the enclosing
    function or another name. `occurrence` numbers findings that are otherwise equal, from 1: the
    runner sets it.
    """

    rule: str
    message: str
    location: Location | None = None
    snippet: str = ""
    context: str = ""
    remediation: str = ""
    occurrence: int = 1

    @property
    def fingerprint(self) -> str:
        """SHA-256 over rule, path, context, evidence and occurrence, without the line number."""
        path = self.location.path if self.location else ""
        parts = [self.rule, path, self.context, " ".join(self.snippet.split()) or self.message]
        if self.occurrence > 1:
            parts.append(str(self.occurrence))
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Scope:
    """What a gate had to look at, what it looked at, and what policy let it skip (with a reason).

    `unit` names the things counted: "files", "distributions", "wheel members", "configurations".
    """

    unit: str
    expected: frozenset[str]
    scanned: frozenset[str]
    skipped: dict[str, str] = field(default_factory=dict)

    @property
    def missed(self) -> frozenset[str]:
        """Expected, but neither scanned nor skipped with a reason: each is a failure."""
        return self.expected - self.scanned - frozenset(self.skipped)

    @property
    def digest(self) -> str:
        """SHA-256 over the sorted names scanned."""
        return hashlib.sha256("\n".join(sorted(self.scanned)).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class SpecimenOutcome:
    """Whether a rule did what its specimen demands: bite a bad one, leave a good one alone."""

    rule: str
    path: str
    sha256: str
    should_fire: bool
    fired: bool

    @property
    def ok(self) -> bool:
        """True when the rule behaved as the specimen demands."""
        return self.should_fire == self.fired


@dataclass(frozen=True, slots=True)
class ToolRun:
    """One run of an outside tool. `argv` has the project's root replaced by ``.``; seconds."""

    name: str
    version: str
    argv: tuple[str, ...]
    exit_code: int
    duration: float


@dataclass(frozen=True, slots=True)
class GateOutput:
    """What a gate returns when it ran to its end. It never decides its own status.

    `specimens` are those that must run beside the project itself (a canary); the runner adds the
    others. `warnings` are told by every report and never fail. `caveats` are what the answer holds
    no further than; the verdict line and the limitations repeat them. `attempts` counts by class
    what a gate tried, where it is one that tries things.
    """

    scopes: tuple[Scope, ...]
    specimens: tuple[SpecimenOutcome, ...] = ()
    findings: tuple[Finding, ...] = ()
    tools: tuple[ToolRun, ...] = ()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()
    attempts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Taken:
    """A part of a gate's answer that was worked out in an earlier run, of the same inputs.

    `part` is "project" or "specimens"; `started` the moment it was worked out (ISO 8601, UTC),
    `duration` the seconds that took; `digest` the SHA-256 over all that went in.
    """

    part: str
    started: str
    duration: float
    digest: str


@dataclass(frozen=True, slots=True)
class GateResult:
    """A gate's output, judged by the runner; `reason` is one sentence for a person.

    `log` is the traceback when a bug stopped the gate; `taken` what comes from an earlier run.
    """

    gate: str
    status: Status
    reason: str
    started: str
    duration: float
    output: GateOutput | None = None
    reproduce: str = ""
    title: str = ""
    log: str = ""
    taken: tuple[Taken, ...] = ()
