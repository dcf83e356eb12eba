"""From gate results to controls, waivers and one verdict. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks.model import Mode, Status
from checks.outcome import ControlResult, Waived

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping, Sequence

    from checks.model import Finding, GateResult
    from checks.policy import Control, Policy
    from checks.waivers import Waiver

# The gravest first: a control is what the worst of its gates says of it.
_GRAVITY = (
    Status.FAILED,
    Status.COULD_NOT_RUN,
    Status.NOT_EVALUATED,
    Status.NOT_APPLICABLE,
    Status.WAIVED,
    Status.PASSED,
)
_SOON = 30  # days


def valid_waivers(waivers: Iterable[Waiver], today: dt.date) -> dict[str, Waiver]:
    """Map fingerprints to the waivers that hold today."""
    return {one.fingerprint: one for one in waivers if one.created <= today <= one.expires}


def waiver_problems(
    waivers: Iterable[Waiver], results: Sequence[GateResult], today: dt.date
) -> tuple[str, ...]:
    """Say which waivers have expired, have not begun, or cover nothing that is still there.

    A waiver counts as unused only when its rule's gate gave an answer in this run.
    """
    answered = [one.output for one in results if one.output is not None]
    found = {finding.fingerprint for output in answered for finding in output.findings}
    gates = {one.gate for one in results if one.output is not None}
    problems = []
    for one in waivers:
        label = f"the waiver {one.fingerprint[:12]} of {one.rule} (owner {one.owner})"
        if one.expires < today:
            problems.append(f"{label} expired on {one.expires}")
        elif one.created > today:
            problems.append(f"{label} begins only on {one.created}")
        elif one.rule.split(".")[0] in gates and one.fingerprint not in found:
            problems.append(f"{label} is unused: remove it")
    return tuple(problems)


def waiver_warnings(waivers: Iterable[Waiver], today: dt.date) -> tuple[str, ...]:
    """Say which waivers that hold today end soon."""
    return tuple(
        f"the waiver {one.fingerprint[:12]} of {one.rule} (owner {one.owner}) ends in"
        f" {(one.expires - today).days} days, on {one.expires}"
        for one in waivers
        if one.created <= today <= one.expires and (one.expires - today).days <= _SOON
    )


def judge_controls(
    policy: Policy, results: Sequence[GateResult], waivers: Mapping[str, Waiver]
) -> tuple[ControlResult, ...]:
    """Judge every control by its gates' results."""
    by_name = {one.gate: one for one in results}
    return tuple(_control(control, by_name, waivers) for control in policy.controls)


def _control(
    control: Control, results: Mapping[str, GateResult], waivers: Mapping[str, Waiver]
) -> ControlResult:
    absent = [gate for gate in control.gates if gate not in results]
    present = [results[gate] for gate in control.gates if gate in results]
    findings = [
        one
        for result in present
        if result.output is not None
        for one in result.output.findings
        if one.rule in control.rules
    ]
    waived = tuple(Waived(f, waivers[f.fingerprint]) for f in findings if f.fingerprint in waivers)
    open_ = tuple(f for f in findings if f.fingerprint not in waivers)
    verdicts = [_gate_on(control, one, open_, waived) for one in present]
    verdicts += [(Status.NOT_EVALUATED, f"{one} was left out of this run") for one in absent]
    status, reason = min(verdicts, key=lambda one: _GRAVITY.index(one[0]))
    return ControlResult(control, status, reason, open_, waived)


def _gate_on(
    control: Control, result: GateResult, findings: Sequence[Finding], waived: Sequence[Waived]
) -> tuple[Status, str]:
    """Say what one gate's result means for one control.

    A gate failed by another control's findings, or by another's blunt specimen, leaves this one
    alone; a gate that missed part of its scope fails every control that rests on it.
    """
    output = result.output
    if output is None or result.status in {Status.COULD_NOT_RUN, Status.NOT_EVALUATED}:
        return result.status, f"{result.gate}: {result.reason}"
    mine = [one for one in findings if one.rule.split(".")[0] == result.gate]
    if mine:
        return Status.FAILED, f"{result.gate}: {len(mine)} finding{'s' if len(mine) > 1 else ''}"
    blunt = [one for one in output.specimens if not one.ok and one.rule in control.rules]
    if blunt or any(scope.missed for scope in output.scopes):
        return Status.FAILED, f"{result.gate}: {result.reason}"
    if any(one.finding.rule.split(".")[0] == result.gate for one in waived):
        return Status.WAIVED, f"{result.gate}: every finding is covered by a waiver"
    return Status.PASSED, f"{result.gate}: no finding"


def judge_run(results: Sequence[GateResult], problems: Sequence[str]) -> Status:
    """Return the verdict: a failure is certain, so it outweighs what could not run."""
    statuses = {one.status for one in results}
    if Status.FAILED in statuses or problems:
        return Status.FAILED
    answered = statuses & {Status.PASSED, Status.WAIVED}
    # Without one real answer there is nothing to pass on.
    if Status.COULD_NOT_RUN in statuses or not answered:
        return Status.COULD_NOT_RUN
    return Status.PASSED


def verdict_line(
    verdict: Status,
    mode: Mode,
    results: Sequence[GateResult],
    problems: Sequence[str],
    left_out: Sequence[str],
) -> str:
    """Return the one sentence that a person reads; it names all that was not answered."""
    word = {Status.PASSED: "PASSED", Status.FAILED: "FAILED"}.get(verdict, "COULD NOT RUN")
    parts = [f"{word} ({mode.value})"]
    for status, label in (
        (Status.FAILED, "failed"),
        (Status.COULD_NOT_RUN, "could not run"),
        (Status.WAIVED, "waived"),
        (Status.NOT_EVALUATED, "NOT EVALUATED"),
        (Status.NOT_APPLICABLE, "not applicable"),
    ):
        names = [one.gate for one in results if one.status is status]
        if names:
            parts.append(f"{label}: {', '.join(names)}")
    if left_out:
        parts.append(f"left out by --only: {', '.join(left_out)}")
    if problems:
        parts.append(f"{len(problems)} problem{'s' if len(problems) > 1 else ''} with the run")
    return "; ".join([*parts, *caveats(results)])


def caveats(results: Sequence[GateResult]) -> tuple[str, ...]:
    """Return what the gates' answers hold no further than."""
    return tuple(
        f"{one.gate}: {text}" for one in results if one.output for text in one.output.caveats
    )
