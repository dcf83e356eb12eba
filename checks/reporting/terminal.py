"""Progress while the gates run, and the summary: live on a terminal, plain lines elsewhere."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Self

from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from checks.model import Status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console, RenderableType

    from checks.gates.interface import Gate
    from checks.model import Finding, GateResult
    from checks.outcome import ControlResult, Outcome

LABELS = {
    Status.PASSED: ("passed", "green"),
    Status.FAILED: ("FAILED", "bold red"),
    Status.COULD_NOT_RUN: ("COULD NOT RUN", "bold red"),
    Status.NOT_EVALUATED: ("NOT EVALUATED", "bold yellow"),
    Status.NOT_APPLICABLE: ("not applicable", "dim"),
    Status.WAIVED: ("waived", "yellow"),
}
_SHOWN = 20
_NOTES = 5


class PlainProgress:
    """A line for each beginning and end: for CI and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        """Nothing to prepare."""
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to put away."""

    def started(self, gate: Gate) -> None:
        """Print that a gate begins."""
        self._print(f"{gate.name}: started")

    def finished(self, result: GateResult) -> None:
        """Print a gate's result."""
        label, _ = LABELS[result.status]
        taken = f"; {earlier(result)}" if result.taken else ""
        self._print(f"{result.gate}: {label} ({result.duration:.1f} s): {result.reason}{taken}")

    def _print(self, line: str) -> None:
        with self._lock:
            self._console.print(line, highlight=False, markup=False, soft_wrap=True)


class LiveProgress:
    """A table that follows the gates on a terminal."""

    def __init__(self, console: Console, gates: Sequence[str]) -> None:
        self._began: dict[str, float] = {}
        self._results: dict[str, GateResult] = {}
        self._gates = gates
        self._live = Live(console=console, get_renderable=self._table, refresh_per_second=8)

    def __enter__(self) -> Self:
        """Begin to draw."""
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Draw the last state and leave it on the screen."""
        self._live.stop()

    def started(self, gate: Gate) -> None:
        """Show that a gate runs."""
        self._began[gate.name] = time.monotonic()

    def finished(self, result: GateResult) -> None:
        """Show a gate's result."""
        self._results[result.gate] = result

    def _table(self) -> RenderableType:
        table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
        for gate in self._gates:
            table.add_row(*self._row(gate))
        return table

    def _row(self, gate: str) -> tuple[RenderableType, ...]:
        result = self._results.get(gate)
        if result is not None:
            label, style = LABELS[result.status]
            said = f"{earlier(result)}; {result.reason}" if result.taken else result.reason
            reason = Text(said, overflow="ellipsis", no_wrap=True)
            return gate, Text(label, style), f"{result.duration:6.1f} s", reason
        if gate in self._began:
            seconds = time.monotonic() - self._began[gate]
            return gate, Spinner("dots", "running"), f"{seconds:6.1f} s", ""
        return gate, Text("waiting", "dim"), "", ""


def print_summary(console: Console, outcome: Outcome) -> None:
    """Print controls, findings with file and line, and the verdict as the last line."""
    console.print()
    console.print(_controls(outcome.controls))
    for control in outcome.controls:
        if control.findings:
            _print_findings(console, control)
    console.print()
    for result in outcome.gates:
        if result.status in {Status.FAILED, Status.COULD_NOT_RUN}:
            _line(console, f"{result.gate}: {result.reason}", "red")
            _line(console, f"  again: {result.reproduce}", "dim")
        if result.output and result.output.attempts:
            _line(console, f"{result.gate}: {attempts(result.output.attempts)}", "dim")
        notes = result.output.notes if result.output else ()
        for note in notes[:_NOTES]:
            _line(console, f"{result.gate}: {note}", "dim")
        if (left := len(notes) - _NOTES) > 0:
            _line(console, f"{result.gate}: {left} more notes are in the reports", "dim")
    for warning in outcome.warnings:
        _line(console, warning, "yellow")
    for problem in outcome.problems:
        _line(console, problem, "red")
    style = "bold green" if outcome.verdict is Status.PASSED else "bold red"
    console.print()
    _line(console, outcome.line, style)


def _controls(controls: Sequence[ControlResult]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in ("control", "severity", "status", "what it promises"):
        table.add_column(name, overflow="fold")
    for one in controls:
        label, style = LABELS[one.status]
        table.add_row(
            one.control.id, one.control.severity, Text(label, style), Text(one.control.title)
        )
    return table


def _print_findings(console: Console, result: ControlResult) -> None:
    console.print()
    _line(console, f"{result.control.id}  {result.control.title}", "bold")
    for one in result.findings[:_SHOWN]:
        _line(console, f"  {place(one)}  {one.rule}  {one.message}", "")
    if (more := len(result.findings) - _SHOWN) > 0:
        _line(console, f"  and {more} more, in the reports", "")
    _line(console, f"  what to do: {result.control.remediation}", "dim")


def attempts(counted: Mapping[str, int]) -> str:
    """Return one line that tells how many attempts there were of each class."""
    classes = ", ".join(f"{name} {count}" for name, count in counted.items())
    return f"{sum(counted.values())} attempts ({classes})"


def earlier(result: GateResult) -> str:
    """Say what of a result comes from an earlier run, and from when; empty when nothing does."""
    parts = " and ".join(f"{one.part} of {one.started}" for one in result.taken)
    return f"taken from an earlier run: {parts}" if parts else ""


def place(finding: Finding) -> str:
    """Return ``path:line`` of a finding, or ``(project)`` when it has no place."""
    if finding.location is None:
        return "(project)"
    line = f":{finding.location.line}" if finding.location.line else ""
    return finding.location.path + line


def _line(console: Console, text: str, style: str) -> None:
    console.print(Text(text, style), soft_wrap=True)
