"""JUnit XML, which every CI shows: a suite for each gate, a case for each rule of a control.

A gate that could not run is an error of each of its cases, one that was not evaluated skips them:
so neither looks like a pass.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

from checks.model import Status
from checks.reporting.terminal import place

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from checks.model import Finding, GateResult, SpecimenOutcome
    from checks.outcome import Outcome

_SKIPPED = (Status.NOT_EVALUATED, Status.NOT_APPLICABLE)
# XML 1.0 has no way to write these, escaped or not.
_UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render_junit(outcome: Outcome) -> str:
    """Return the XML document; its first case is the run as a whole."""
    name = f"release check of {outcome.subject.project} {outcome.subject.version}"
    root = ET.Element("testsuites", name=name, time=f"{outcome.duration:.3f}")
    _suite(root, "run", outcome.duration, outcome.started, [_run_case(outcome)])
    for gate in outcome.gates:
        _suite(root, gate.gate, gate.duration, gate.started, list(_cases(outcome, gate)))
    for gate_name in outcome.left_out:
        case = _case(gate_name, gate_name)
        _tell(case, "skipped", f"{gate_name} was left out of this run")
        _suite(root, gate_name, 0.0, outcome.started, [case])
    for key in ("tests", "failures", "errors", "skipped"):
        root.set(key, str(sum(int(suite.get(key, "0")) for suite in root)))
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, "unicode") + "\n"


def _suite(
    root: ET.Element, name: str, seconds: float, started: str, cases: Sequence[ET.Element]
) -> None:
    kinds = {"failures": "failure", "errors": "error", "skipped": "skipped"}
    counts = {key: str(sum(c.find(kind) is not None for c in cases)) for key, kind in kinds.items()}
    suite = ET.SubElement(
        root,
        "testsuite",
        {
            "name": name,
            "tests": str(len(cases)),
            **counts,
            "time": f"{seconds:.3f}",
            "timestamp": started.removesuffix("+00:00"),
        },
    )
    suite.extend(cases)


def _run_case(outcome: Outcome) -> ET.Element:
    """Fail whenever the verdict is no pass, so that no CI is green without one."""
    case = _case("run", "verdict")
    if outcome.verdict is not Status.PASSED:
        kind = "failure" if outcome.verdict is Status.FAILED else "error"
        _tell(case, kind, "\n".join([outcome.line, *outcome.problems]))
    return case


def _cases(outcome: Outcome, gate: GateResult) -> Iterator[ET.Element]:
    """Yield the gate itself, then each of its rules under the control that it proves."""
    yield _gate_case(gate)
    waived = {one.finding.fingerprint for c in outcome.controls for one in c.waived}
    for result in outcome.controls:
        for rule in result.control.rules:
            if rule.partition(".")[0] == gate.gate:
                case = _case(f"{gate.gate}.{result.control.id}", rule)
                _judge_rule(case, gate, rule, waived)
                yield case


def _gate_case(gate: GateResult) -> ET.Element:
    """Carry what is about the gate and no rule: it crashed, or missed a part of its scope."""
    case = _case(gate.gate, gate.gate)
    if gate.status is Status.COULD_NOT_RUN:
        _tell(case, "error", gate.reason + (f"\n{gate.log}" if gate.log else ""))
    elif gate.status in _SKIPPED:
        _tell(case, "skipped", f"{gate.status.value}: {gate.reason}")
    elif gate.status is Status.FAILED:
        _tell(case, "failure", f"{gate.reason}\n{gate.reproduce}")
    return case


def _judge_rule(case: ET.Element, gate: GateResult, rule: str, waived: set[str]) -> None:
    output = gate.output
    if gate.status in _SKIPPED:
        _tell(case, "skipped", f"{gate.status.value}: {gate.reason}")
        return
    if output is None or gate.status is Status.COULD_NOT_RUN:
        _tell(case, "error", f"not judged: {gate.reason}")
        return
    found = [one for one in output.findings if one.rule == rule and one.fingerprint not in waived]
    blunt = [one for one in output.specimens if one.rule == rule and not one.ok]
    missed = [name for scope in output.scopes for name in sorted(scope.missed)]
    if said := [
        *map(_finding, found),
        *map(_blunt, blunt),
        *(f"not looked at: {n}" for n in missed),
    ]:
        _tell(case, "failure", "\n".join(said))


def _finding(one: Finding) -> str:
    return f"{place(one)}: {one.message}"


def _blunt(one: SpecimenOutcome) -> str:
    return f"{one.rule} {'is silent on' if one.should_fire else 'bites'} {one.path}"


def _case(classname: str, name: str) -> ET.Element:
    return ET.Element("testcase", classname=classname, name=name, time="0")


def _tell(case: ET.Element, kind: str, text: str) -> None:
    clean = _UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", text)
    ET.SubElement(case, kind, message=clean.partition("\n")[0]).text = clean
