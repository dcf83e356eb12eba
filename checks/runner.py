"""Runs the gates side by side and judges what they return. A gate never judges itself."""

from __future__ import annotations

import dataclasses
import datetime as dt
import time
import traceback
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING, Protocol

from checks.asking import ask, portable
from checks.model import (
    CouldNotRun,
    GateOutput,
    GateResult,
    Mode,
    NotApplicable,
    NotEvaluated,
    Status,
)
from checks.specimens import require_pairs

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from checks.context import Context
    from checks.gates.interface import Gate
    from checks.kept import Shelf
    from checks.model import Taken

_AT_ONCE = 4
_LONGEST = (
    *("startup", "durability", "cleanroom", "static", "adversarial"),
    *("suites", "docs", "secrets", "reproducible", "workflows"),
)
_SHOWN = 5


class Listener(Protocol):
    """Is told how the run goes, from several threads."""

    def started(self, gate: Gate) -> None:
        """Take note that a gate begins."""
        ...

    def finished(self, result: GateResult) -> None:
        """Take note of a gate's result."""
        ...


def run_gates(
    gates: Sequence[Gate],
    context: Context,
    *,
    without_specimens: Collection[str],
    listener: Listener,
    shelf: Shelf | None = None,
) -> tuple[GateResult, ...]:
    """Run all gates, a few at a time, and return their results in the gates' order.

    `shelf` holds the answers of earlier runs; without it everything is worked out anew.
    """
    with ThreadPoolExecutor(max_workers=_AT_ONCE, thread_name_prefix="gate") as pool:
        running = {
            pool.submit(_run, gate, context, without_specimens, listener, shelf): gate
            for gate in sorted(gates, key=_place)
        }
        results = {}
        for future in as_completed(running):
            results[running[future].name] = future.result()
    return tuple(results[gate.name] for gate in gates)


def _place(gate: Gate) -> int:
    """Begin with what takes longest: the run then ends about when its longest gate does."""
    return _LONGEST.index(gate.name) if gate.name in _LONGEST else len(_LONGEST)


def _run(
    gate: Gate,
    context: Context,
    without_specimens: Collection[str],
    listener: Listener,
    shelf: Shelf | None,
) -> GateResult:
    listener.started(gate)
    result = run_gate(gate, context, without_specimens=without_specimens, shelf=shelf)
    listener.finished(result)
    return result


def run_gate(
    gate: Gate,
    context: Context,
    *,
    without_specimens: Collection[str],
    shelf: Shelf | None = None,
) -> GateResult:
    """Run one gate to its end, whatever happens in it, and judge it."""
    started, began, log = dt.datetime.now(dt.UTC), time.monotonic(), ""
    output: GateOutput | None = None
    taken: tuple[Taken, ...] = ()
    of = "" if context.own else "--project DIR "
    try:
        asked = ask(gate, context, shelf)
        output, taken = asked.output, asked.taken
        status, reason = judge(gate, output, without_specimens)
        if shelf is not None:
            asked.keep(shelf, passed=status is Status.PASSED)
    except NotEvaluated as error:
        status, reason = _not_evaluated(context.mode, str(error))
    except NotApplicable as error:
        # The own project has all that its gates are about; without it, something is broken.
        status = Status.COULD_NOT_RUN if context.own else Status.NOT_APPLICABLE
        reason = str(error)
    except CouldNotRun as error:
        status, reason = Status.COULD_NOT_RUN, str(error) or "gave no reason"
        log = portable("\n".join(getattr(error, "__notes__", ())), context)
    except Exception as error:  # noqa: BLE001 - the edge: any bug in a gate counts as not having run
        status, reason = Status.COULD_NOT_RUN, f"stopped by {type(error).__name__}: {error}"
        log = portable("".join(traceback.format_exception(error)), context)
    return GateResult(
        gate=gate.name,
        title=gate.title,
        status=status,
        reason=portable(reason, context),
        started=started.isoformat(timespec="seconds"),
        duration=round(time.monotonic() - began, 3),
        output=output,
        reproduce=f"python -m checks {of}--only {gate.name} --mode {context.mode.value}",
        log=log,
        taken=taken,
    )


def judge(gate: Gate, output: GateOutput, without_specimens: Collection[str]) -> tuple[Status, str]:
    """Return the status that an output deserves before waivers, with a sentence that says why.

    What makes the output untrustworthy comes before what it says: a gate that scanned nothing has
    neither passed nor failed.
    """
    if doubts := _doubts(gate, output, without_specimens):
        return Status.COULD_NOT_RUN, _few(doubts)
    blunt = [one for one in output.specimens if not one.ok]
    failures = [
        f"{one.rule} {'is silent on' if one.should_fire else 'bites'} {one.path}" for one in blunt
    ]
    for scope in output.scopes:
        failures += [f"not looked at: {name} ({scope.unit})" for name in sorted(scope.missed)]
    if count := len(output.findings):
        failures.append(f"{count} finding{'s' if count > 1 else ''}")
    if failures:
        return Status.FAILED, _few(failures)
    looked_at = ", ".join(f"{len(scope.scanned)} {scope.unit}" for scope in output.scopes)
    return Status.PASSED, f"looked at {looked_at}; {len(output.specimens)} specimens as expected"


def apply_waivers(result: GateResult, waived: Collection[str]) -> GateResult:
    """Return the result as it stands when the findings with these fingerprints are waived.

    Only a gate that failed by its findings alone can be waived: one that missed a file, or whose
    rule is blunt, has failed in another way.
    """
    output = result.output
    if output is None or result.status is not Status.FAILED or not output.findings:
        return result
    sound = all(one.ok for one in output.specimens) and not any(s.missed for s in output.scopes)
    if not sound or any(one.fingerprint not in waived for one in output.findings):
        return result
    reason = f"{len(output.findings)} finding(s), each covered by a waiver"
    return dataclasses.replace(result, status=Status.WAIVED, reason=reason)


def _doubts(gate: Gate, output: GateOutput, without_specimens: Collection[str]) -> list[str]:
    """List why this output proves nothing."""
    doubts = [] if output.scopes else ["it names no scope"]
    for scope in output.scopes:
        if not scope.expected:
            doubts.append(f"there were no {scope.unit} to look at")
        elif not scope.scanned:
            doubts.append(f"it looked at none of {len(scope.expected)} {scope.unit}")
        doubts += [
            f"{name} is skipped without a reason" for name, w in scope.skipped.items() if not w
        ]
    needing = [rule for rule in gate.rules if rule not in without_specimens]
    doubts += require_pairs(needing, output.specimens)
    raised = {one.rule for one in output.findings} | {one.rule for one in output.specimens}
    doubts += [f"it raised {rule}, which it does not declare" for rule in raised - set(gate.rules)]
    return doubts


def _not_evaluated(mode: Mode, why: str) -> tuple[Status, str]:
    if mode is Mode.DEGRADED:
        return Status.NOT_EVALUATED, why
    return Status.FAILED, f"could not be evaluated, which strict mode does not allow: {why}"


def _few(sentences: Sequence[str]) -> str:
    more = len(sentences) - _SHOWN
    return "; ".join(sentences[:_SHOWN]) + (f"; and {more} more" if more > 0 else "")
