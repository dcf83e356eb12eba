"""The whole outcome of a run, as the reports tell it. Frozen data, no I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from checks.kept import digest_texts
from checks.model import Status

if TYPE_CHECKING:
    from checks.frameworks import Framework
    from checks.model import Finding, GateResult, Mode
    from checks.policy import Control
    from checks.waivers import Waiver

VERIFIER = "arqonbus-release-check"

LIMITATIONS = (
    "A rule finds what its specimens show and what is spelt alike; it does not prove absence.",
    (
        "Python is analysed as source: code reached only through exec, eval or a name computed at "
        "run time is not followed."
    ),
    (
        "The clean-room, start-up, durability and adversarial gates ran on this machine's system "
        "and Python only."
    ),
    (
        "The suites ran before these gates (scripts/test); what is judged is the record that they "
        "left of this very tree, which is unsigned like this report."
    ),
    "This report and its attestation are unsigned: they bind a verdict to files, not to an author.",
)


@dataclass(frozen=True, slots=True)
class FileDigest:
    """A built file and its SHA-256."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Inventory:
    """Everything of one kind that there was to look at, by name."""

    unit: str
    names: frozenset[str]

    @property
    def digest(self) -> str:
        """SHA-256 over the sorted names."""
        return digest_texts(sorted(self.names))


@dataclass(frozen=True, slots=True)
class Subject:
    """What was judged. `commit` and `dirty` are None when the project is no git checkout."""

    project: str
    version: str
    commit: str | None
    dirty: bool | None
    wheel: FileDigest | None
    sdist: FileDigest | None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where it was judged, and with what."""

    system: str
    python: str
    lock_sha256: str | None
    policy_sha256: str
    policy_uri: str = ""
    tools: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Waived:
    """A finding that a waiver covers."""

    finding: Finding
    waiver: Waiver


@dataclass(frozen=True, slots=True)
class ControlResult:
    """A control's status, and the findings against it that no waiver covers."""

    control: Control
    status: Status
    reason: str
    findings: tuple[Finding, ...] = ()
    waived: tuple[Waived, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything a report says.

    `problems` are what is wrong with the run as a whole (an expired or unused waiver); `warnings`
    what will be (a waiver that ends soon); `left_out` the gates that ``--only`` excluded;
    `inventory` everything there was to look at; `frameworks` what the controls map to; `verdict`
    is PASSED, FAILED or COULD_NOT_RUN.
    """

    subject: Subject
    surroundings: Surroundings
    mode: Mode
    own: bool
    started: str
    ended: str
    duration: float
    verdict: Status
    line: str
    gates: tuple[GateResult, ...]
    controls: tuple[ControlResult, ...]
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    inventory: tuple[Inventory, ...] = ()
    left_out: tuple[str, ...] = ()
    without_specimens: dict[str, str] = field(default_factory=dict)
    frameworks: dict[str, Framework] = field(default_factory=dict)
    limitations: tuple[str, ...] = LIMITATIONS

    @property
    def exit_code(self) -> int:
        """0 passed, 1 failed, 2 could not run."""
        return {Status.PASSED: 0, Status.FAILED: 1}.get(self.verdict, 2)

    @property
    def attestable(self) -> bool:
        """True for a strict pass of the own project's clean commit by all gates, both built."""
        return (
            self.mode.value == "strict"
            and self.own
            and self.verdict is Status.PASSED
            and not self.left_out
            and self.subject.wheel is not None
            and self.subject.sdist is not None
            and self.subject.commit is not None
            and self.subject.dirty is False
            and all(g.status in {Status.PASSED, Status.WAIVED} for g in self.gates)
        )
