from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

import pytest
from checks_support import (
    BAD,
    FINDING,
    GOOD,
    DemoGate,
    Heard,
    files_scope,
    gate_output,
    make_context,
    make_project,
    make_result,
)

from checks.model import (
    CouldNotRun,
    Finding,
    GateOutput,
    Mode,
    NotApplicable,
    NotEvaluated,
    Scope,
    Status,
)
from checks.runner import apply_waivers, run_gate, run_gates

if TYPE_CHECKING:
    from pathlib import Path

    from checks.context import Context
    from checks.model import GateResult, SpecimenOutcome


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return make_context(make_project(tmp_path / "project"), tmp_path / "work")


def outcome_of(context: Context, output: GateOutput) -> GateResult:
    """Run a gate whose whole output, with its specimens, the test has written."""
    gate = DemoGate(lambda _: replace(output, specimens=()), examples=output.specimens)
    return run_gate(gate, context, without_specimens=())


def whole(*findings: Finding) -> GateOutput:
    return replace(gate_output(*findings), specimens=(BAD, GOOD))


def raising(context: Context, error: Exception) -> GateResult:
    def act(_: Context) -> NoReturn:
        raise error

    return run_gate(DemoGate(act), context, without_specimens=())


def test_a_gate_that_looked_at_all_and_found_nothing_passes(context: Context) -> None:
    assert outcome_of(context, whole()).status is Status.PASSED


def test_a_finding_fails(context: Context) -> None:
    assert outcome_of(context, whole(FINDING)).status is Status.FAILED


def test_a_missed_file_fails_and_is_named(context: Context) -> None:
    scope = files_scope(expected=("a.py", "b.py"))
    result = outcome_of(context, GateOutput((scope,), (BAD, GOOD)))
    assert result.status is Status.FAILED
    assert "b.py" in result.reason


@pytest.mark.parametrize(
    "specimens",
    [(replace(BAD, fired=False), GOOD), (BAD, replace(GOOD, fired=True))],
    ids=["blunt", "trigger-happy"],
)
def test_a_rule_that_misjudges_its_specimen_fails(
    context: Context, specimens: tuple[SpecimenOutcome, ...]
) -> None:
    output = replace(whole(), specimens=specimens)
    assert outcome_of(context, output).status is Status.FAILED


@pytest.mark.parametrize(
    "output",
    [
        GateOutput((), (BAD, GOOD)),
        GateOutput((files_scope(expected=(), scanned=()),), (BAD, GOOD)),
        GateOutput((files_scope(scanned=()),), (BAD, GOOD)),
        GateOutput((files_scope(),), ()),
        GateOutput((files_scope(),), (BAD,)),
        GateOutput((files_scope(),), (GOOD,)),
        GateOutput((Scope("files", frozenset("ab"), frozenset("a"), {"b": ""}),), (BAD, GOOD)),
        GateOutput((files_scope(),), (BAD, GOOD), (Finding("demo.undeclared", "?"),)),
    ],
    ids=[
        "no scope",
        "nothing expected",
        "nothing scanned",
        "no specimens",
        "no good specimen",
        "no bad specimen",
        "skipped without a reason",
        "undeclared rule",
    ],
)
def test_an_output_that_proves_nothing_could_not_run(context: Context, output: GateOutput) -> None:
    assert outcome_of(context, output).status is Status.COULD_NOT_RUN


def test_a_rule_may_lack_specimens_only_when_policy_says_so(context: Context) -> None:
    gate = DemoGate(lambda _: gate_output(), rules=("demo.rule", "demo.other"))
    assert run_gate(gate, context, without_specimens=()).status is Status.COULD_NOT_RUN
    assert run_gate(gate, context, without_specimens=("demo.other",)).status is Status.PASSED


def test_a_bug_in_a_gate_could_not_run_and_keeps_the_traceback(context: Context) -> None:
    result = raising(context, KeyError("oops"))
    assert result.status is Status.COULD_NOT_RUN
    assert "KeyError" in result.reason
    assert "Traceback" in result.log


def test_could_not_run_names_no_path_of_this_machine(context: Context) -> None:
    result = raising(context, CouldNotRun(f"no {context.project}/x and {context.work}/y"))
    assert result.status is Status.COULD_NOT_RUN
    assert result.reason == "no ./x and <work>/y"


def test_not_evaluated_is_for_degraded_mode_only(context: Context) -> None:
    error = NotEvaluated("no advisories")
    assert raising(context, error).status is Status.NOT_EVALUATED
    assert raising(replace(context, mode=Mode.STRICT), error).status is Status.FAILED


def test_not_applicable_is_for_foreign_projects_only(context: Context) -> None:
    error = NotApplicable("no command")
    assert raising(replace(context, own=False), error).status is Status.NOT_APPLICABLE
    assert raising(context, error).status is Status.COULD_NOT_RUN


def test_results_come_in_the_gates_order_and_the_listener_hears_all(context: Context) -> None:
    gates = [DemoGate(lambda _: gate_output(), name=f"g{n}") for n in range(6)]
    heard = Heard()
    results = run_gates(gates, context, without_specimens=(), listener=heard)
    assert [one.gate for one in results] == [gate.name for gate in gates]
    assert sorted(heard.began) == sorted(heard.ended) == [gate.name for gate in gates]


def test_only_a_failure_by_findings_alone_can_be_waived() -> None:
    failed = make_result(Status.FAILED, FINDING)
    assert apply_waivers(failed, {FINDING.fingerprint}).status is Status.WAIVED
    assert apply_waivers(failed, {"other"}).status is Status.FAILED
    assert failed.output is not None
    missed = replace(failed.output, scopes=(files_scope(expected=("a.py", "b.py")),))
    unsound = replace(failed, output=missed)
    assert apply_waivers(unsound, {FINDING.fingerprint}).status is Status.FAILED
