"""A report with some of everything, and words long enough to burst a page that can't wrap them."""

from __future__ import annotations

import dataclasses

from checks_support import FINDING, make_outcome, make_result, make_waiver

from checks.model import Finding, GateOutput, Location, Mode, Scope, Status
from checks.outcome import ControlResult, Inventory, Outcome

LONG = "a_name_that_is_" + "very_" * 40 + "long"
FOUND = Finding(
    "demo.rule",
    f"{LONG} is not what it says: {'word ' * 60}",
    Location(f"src/parcel/{LONG}.py", 7),
    f"x = {LONG!r}",
    LONG,
    "Say what it is.",
)
HIDDEN = "a-file-in-a-closed-list.py"


def full_report() -> Outcome:
    """A degraded run that failed: findings, a waiver, missed and skipped files, a silent gate."""
    failed = make_result(Status.FAILED, FOUND, FINDING)
    assert failed.output is not None
    failed = dataclasses.replace(failed, output=_with_scopes(failed.output))
    silent = make_result(Status.NOT_EVALUATED, gate="net")
    waiver = make_waiver(reason=f"because of {LONG}")
    outcome = make_outcome(
        failed, silent, mode=Mode.DEGRADED, waivers={FINDING.fingerprint: waiver}
    )
    return dataclasses.replace(
        outcome,
        controls=(*outcome.controls, *_more_controls(outcome.controls[0])),
        inventory=(Inventory("files", frozenset({HIDDEN, *(f"{LONG}{n}" for n in range(80))})),),
        warnings=(f"the waiver for {LONG} ends soon",),
    )


def _with_scopes(output: GateOutput) -> GateOutput:
    scopes = (
        Scope("files", frozenset({"a.py", "b.py", LONG}), frozenset({"a.py"}), {"b.py": LONG}),
        *output.scopes,
    )
    return dataclasses.replace(output, scopes=scopes, attempts={"tokens": 115})


def _more_controls(first: ControlResult) -> list[ControlResult]:
    """Controls of every severity that passed, so that there is something to filter and to print."""
    severities = ("critical", "high", "medium", "low")
    return [
        dataclasses.replace(
            first,
            control=dataclasses.replace(
                first.control, id=f"DEMO-{n + 2}", severity=severities[n % 4]
            ),
            status=Status.PASSED,
            findings=(),
        )
        for n in range(24)
    ]
