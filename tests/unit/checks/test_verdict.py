from __future__ import annotations

import datetime as dt

import pytest
from checks_support import FINDING, TODAY, make_control, make_outcome, make_result, make_waiver

from checks.model import Mode, Status
from checks.policy import Policy
from checks.verdict import (
    judge_controls,
    judge_run,
    valid_waivers,
    waiver_problems,
    waiver_warnings,
)


@pytest.mark.parametrize(
    ("statuses", "verdict"),
    [
        ([Status.PASSED], Status.PASSED),
        ([Status.PASSED, Status.WAIVED], Status.PASSED),
        ([Status.PASSED, Status.NOT_EVALUATED], Status.PASSED),
        ([Status.PASSED, Status.NOT_APPLICABLE], Status.PASSED),
        ([Status.PASSED, Status.COULD_NOT_RUN], Status.COULD_NOT_RUN),
        ([Status.FAILED, Status.COULD_NOT_RUN], Status.FAILED),
        ([Status.NOT_EVALUATED], Status.COULD_NOT_RUN),
        ([Status.NOT_APPLICABLE], Status.COULD_NOT_RUN),
        ([], Status.COULD_NOT_RUN),
    ],
)
def test_the_verdict(statuses: list[Status], verdict: Status) -> None:
    results = [make_result(one, gate=f"g{n}") for n, one in enumerate(statuses)]
    assert judge_run(results, ()) is verdict


def test_a_waiver_problem_fails_a_run_that_would_pass() -> None:
    assert judge_run([make_result(Status.PASSED)], ["expired"]) is Status.FAILED


def test_a_control_fails_by_its_own_findings_and_not_by_anothers() -> None:
    mine, other = make_control(), make_control(id="DEMO-2", rules=("demo.other",))
    result = make_result(Status.FAILED, FINDING)
    controls = judge_controls(Policy((mine, other), {}), [result], {})
    assert [one.status for one in controls] == [Status.FAILED, Status.PASSED]


def test_a_control_whose_gate_was_left_out_is_not_evaluated() -> None:
    (control,) = judge_controls(Policy((make_control(),), {}), [], {})
    assert control.status is Status.NOT_EVALUATED


def test_a_waived_finding_makes_the_control_waived() -> None:
    waivers = {FINDING.fingerprint: make_waiver()}
    result = make_result(Status.WAIVED, FINDING)
    (control,) = judge_controls(Policy((make_control(),), {}), [result], waivers)
    assert control.status is Status.WAIVED
    assert control.waived[0].waiver.owner == "ada"


def test_an_expired_or_future_waiver_covers_nothing_and_is_a_problem() -> None:
    day = dt.timedelta(days=1)
    expired = make_waiver(created=TODAY - 9 * day, expires=TODAY - day)
    future = make_waiver(created=TODAY + day)
    failed = [make_result(Status.FAILED, FINDING)]
    assert valid_waivers([expired, future], TODAY) == {}
    assert len(waiver_problems([expired, future], failed, TODAY)) == 2


def test_a_waiver_is_unused_only_when_its_gate_gave_an_answer() -> None:
    waiver = make_waiver()
    assert waiver_problems([waiver], [make_result(Status.PASSED)], TODAY)
    assert not waiver_problems([waiver], [make_result(Status.COULD_NOT_RUN)], TODAY)
    assert not waiver_problems([waiver], [make_result(Status.FAILED, FINDING)], TODAY)


def test_the_line_names_what_was_not_evaluated() -> None:
    results = make_result(Status.PASSED), make_result(Status.NOT_EVALUATED, gate="vulnerabilities")
    line = make_outcome(*results, mode=Mode.DEGRADED).line
    assert line == "PASSED (degraded); NOT EVALUATED: vulnerabilities"


def test_only_a_whole_strict_pass_of_the_own_project_is_attestable() -> None:
    passed = make_result(Status.PASSED)
    assert make_outcome(passed).attestable
    assert not make_outcome(passed, mode=Mode.DEGRADED).attestable
    assert not make_outcome(passed, own=False).attestable
    assert not make_outcome(passed, left_out=("wheel",)).attestable
    assert not make_outcome(passed, built=False).attestable
    assert not make_outcome(make_result(Status.FAILED, FINDING)).attestable


@pytest.mark.parametrize(("days", "warned"), [(0, True), (30, True), (31, False), (-1, False)])
def test_a_waiver_that_ends_soon_is_told(days: int, warned: bool) -> None:
    waiver = make_waiver(expires=TODAY + dt.timedelta(days=days))
    told = waiver_warnings([waiver], TODAY)
    assert bool(told) is warned
    assert all(f"in {days} days" in one for one in told)
