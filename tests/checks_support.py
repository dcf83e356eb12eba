"""Hand-written gates, contexts, policies and outcomes for the tests of the release check."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from checks.context import Artifacts, Context
from checks.manifest import Manifest, build_manifest
from checks.model import (
    Finding,
    GateOutput,
    GateResult,
    Location,
    Mode,
    Scope,
    SpecimenOutcome,
    Status,
    ToolRun,
)
from checks.outcome import FileDigest, Outcome, Subject, Surroundings
from checks.policy import CRITERIA, FINDINGS, Control, Policy
from checks.verdict import judge_controls, judge_run, verdict_line
from checks.waivers import Waiver

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROOT = Path(__file__).resolve().parent.parent
SHA = "ab" * 32
RULE = "demo.rule"
GOOD = SpecimenOutcome(RULE, "specimens/demo/rule/good_a.py", SHA, should_fire=False, fired=False)
BAD = SpecimenOutcome(RULE, "specimens/demo/rule/bad_a.py", SHA, should_fire=True, fired=True)
FINDING = Finding(RULE, "a <b>bad</b> thing", Location("src/parcel/a b.py", 7), "x = 1", "f")
TODAY = dt.date(2026, 11, 24)


def files_scope(
    *, expected: Sequence[str] = ("a.py",), scanned: Sequence[str] = ("a.py",)
) -> Scope:
    return Scope("files", frozenset(expected), frozenset(scanned))


def gate_output(*findings: Finding) -> GateOutput:
    tool = ToolRun("demo-tool", "1.2", ("demo-tool", "./src"), 0, 0.5)
    return GateOutput((files_scope(),), (), findings, (tool,), ("a note",))


@dataclass
class DemoGate:
    """A gate that does what the test says, and counts how often it is asked."""

    act: Callable[[Context], GateOutput]
    name: str = "demo"
    title: str = "A demonstration"
    rules: tuple[str, ...] = (RULE,)
    examples: tuple[SpecimenOutcome, ...] = (BAD, GOOD)
    facts: str | None = "the project"
    asked: int = 0

    def inputs(self, context: Context) -> str | None:  # noqa: ARG002 - the gate's contract
        return self.facts

    def check(self, context: Context) -> GateOutput:
        self.asked += 1
        return self.act(context)

    def specimens(self, context: Context) -> tuple[SpecimenOutcome, ...]:  # noqa: ARG002 - the same
        return self.examples


@dataclass
class Heard:
    """A listener that keeps what it was told."""

    began: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)

    def started(self, gate: object) -> None:
        self.began.append(str(getattr(gate, "name", "")))

    def finished(self, result: GateResult) -> None:
        self.ended.append(result.gate)


def make_project(root: Path, name: str = "parcel") -> Path:
    """Write the smallest project that can be built."""
    package = root / "src" / name
    package.mkdir(parents=True)
    (package / "__init__.py").write_text('"""A parcel."""\n')
    (root / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        f'[project]\nname = "{name}"\nversion = "1.0"\nrequires-python = ">=3.11"\n'
        f'[tool.hatch.build.targets.wheel]\npackages = ["src/{name}"]\n'
    )
    return root


def no_artifacts() -> Artifacts:
    raise AssertionError("this test builds nothing")


def make_context(
    project: Path,
    work: Path,
    *,
    mode: Mode = Mode.DEGRADED,
    own: bool = True,
    manifest: Manifest | None = None,
    artifacts: Callable[[], Artifacts] = no_artifacts,
) -> Context:
    work.mkdir(exist_ok=True)
    return Context(
        project=project,
        policies=ROOT / "policies",
        manifest=manifest or build_manifest(project),
        mode=mode,
        work=work,
        cache=work / "cache",
        own=own,
        source_date_epoch=1_577_836_800,
        artifacts=artifacts,
    )


def make_control(**changes: object) -> Control:
    values: dict[str, object] = {
        "id": "DEMO-1",
        "title": "Nothing is bad",
        "objective": "No bad thing.",
        "rationale": "Bad things hurt.",
        "severity": "high",
        "owner": "tests",
        "finding": FINDINGS,
        "exit_criterion": CRITERIA,
        "gates": ("demo",),
        "rules": (RULE,),
        "remediation": "Do good.",
        **changes,
    }
    return Control(**values)  # type: ignore[arg-type]  # test data, keyed by field name


def make_waiver(**changes: object) -> Waiver:
    values: dict[str, object] = {
        "rule": RULE,
        "fingerprint": FINDING.fingerprint,
        "owner": "ada",
        "approver": "grace",
        "reason": "for now",
        "compensating_control": "a guard",
        "created": TODAY - dt.timedelta(days=1),
        "expires": TODAY + dt.timedelta(days=9),
        **changes,
    }
    return Waiver(**values)  # type: ignore[arg-type]  # test data, keyed by field name


def make_result(status: Status, *findings: Finding, gate: str = "demo") -> GateResult:
    ran = status in {Status.PASSED, Status.FAILED, Status.WAIVED}
    return GateResult(
        gate=gate,
        status=status,
        reason="because",
        started="2026-11-24T00:00:00+00:00",
        duration=0.1,
        output=replace(gate_output(*findings), specimens=(BAD, GOOD)) if ran else None,
        reproduce=f"python -m checks --only {gate}",
        title="A demonstration",
    )


def make_outcome(
    *results: GateResult,
    mode: Mode = Mode.STRICT,
    own: bool = True,
    waivers: dict[str, Waiver] | None = None,
    left_out: tuple[str, ...] = (),
    built: bool = True,
) -> Outcome:
    policy = Policy((make_control(),), {})
    verdict = judge_run(results, ())
    file = FileDigest("parcel-1.0.whl", SHA) if built else None
    return Outcome(
        subject=Subject("parcel", "1.0", "c" * 40, False, file, file),
        surroundings=Surroundings("Linux", "CPython 3.11", SHA, SHA, "urn:x", {"demo-tool": "1.2"}),
        mode=mode,
        own=own,
        started="2026-11-24T00:00:00+00:00",
        ended="2026-11-24T00:00:09+00:00",
        duration=9.0,
        verdict=verdict,
        line=verdict_line(verdict, mode, results, (), left_out),
        gates=results,
        controls=judge_controls(policy, results, waivers or {}),
        left_out=left_out,
    )
