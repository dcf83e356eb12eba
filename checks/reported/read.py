"""Reads a report.json: it must keep the published schema and must not contradict itself.

Nothing here shows that a report is genuine: without a signature anybody can write one that agrees
with itself. What contradicts itself was edited, or comes from a defect.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, TypeAlias

from jsonschema_rs import Draft202012Validator

from checks.kept import digest_texts
from checks.model import CouldNotRun, Status
from checks.reporting.json_report import load_schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

Report: TypeAlias = "Mapping[str, Any]"  # Any: parsed JSON that kept its schema

_SHOWN = 3
_EXITS = {"passed": 0, "failed": 1, "could_not_run": 2}
_ANSWERED = {"passed", "waived"}


def read_report(path: Path) -> Report:
    """Return a report.

    Raises:
        CouldNotRun: the file can't be read, or does not keep the schema.
    """
    try:
        data = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise CouldNotRun(f"{path.name} is no report: {error}") from error
    errors = sorted(
        f"{'.'.join(['$', *map(str, one.instance_path)])}: {one.message[:200]}"
        for one in Draft202012Validator(load_schema()).iter_errors(data)
    )
    if errors:
        said = "; ".join(errors[:_SHOWN])
        raise CouldNotRun(f"{path.name} does not keep the report's schema: {said}")
    report: Report = data
    return report


def contradictions(report: Report) -> list[str]:
    """Return a sentence for everything in a report that can't be true together."""
    return [
        *_verdict(report),
        *_totals(report),
        *_controls(report),
        *_gates(report),
        *_lists(report),
    ]


def _verdict(report: Report) -> Iterator[str]:
    gates, verdict = report["gates"], report["verdict"]
    if verdict != (due := _due(report)):
        yield f"the verdict is {verdict}, but its gates and problems make it {due}"
    if report["exit_code"] != _EXITS[verdict]:
        yield f"the verdict {verdict} does not end with exit code {report['exit_code']}"
    word = {"passed": "PASSED", "failed": "FAILED"}.get(verdict, "COULD NOT RUN")
    if not report["verdict_line"].startswith(f"{word} ({report['mode']})"):
        yield "the verdict's line says something else than the verdict and the mode"
    subject = report["subject"]
    whole = (
        (verdict, report["mode"], report["own"]) == ("passed", "strict", True)
        and not report["left_out"]
        and all(one["status"] in _ANSWERED for one in gates)
        and subject["wheel"] is not None
        and subject["sdist"] is not None
        and subject["commit"] is not None
        and subject["dirty"] is False
    )
    if report["attested"] != whole:
        yield f"attested is {report['attested']}, which does not fit the rest"
    if report["mode"] == "strict" and any(one["taken_from"] for one in gates):
        yield "a strict run takes nothing from an earlier one"


def _due(report: Report) -> str:
    statuses = {one["status"] for one in report["gates"]}
    if "failed" in statuses or report["problems"]:
        return "failed"
    unsure = "could_not_run" in statuses or not statuses & _ANSWERED
    return "could_not_run" if unsure else "passed"


def _totals(report: Report) -> Iterator[str]:
    counted = Counter(one["status"] for one in report["controls"])
    for status in Status:
        if report["totals"][status.value] != counted[status.value]:
            told = report["totals"][status.value]
            yield f"totals say {told} controls {status.value}, there are {counted[status.value]}"


def _controls(report: Report) -> Iterator[str]:
    gates = {one["name"]: one["status"] for one in report["gates"]}
    of_gates = {print_ for one in report["gates"] for print_ in one["findings"]}
    for control in report["controls"]:
        label, status = f"control {control['id']}", control["status"]
        if control["findings"] and status != "failed":
            yield f"{label} is {status} with findings"
        absent = [one for one in control["gates"] if one not in gates]
        if status in _ANSWERED and (absent or any(_bars(gates[g]) for g in control["gates"])):
            yield f"{label} is {status}, though a gate of it gave no answer"
        waived = [one["finding"] for one in control["waived"]]
        for finding in (*control["findings"], *waived):
            if finding["fingerprint"] not in of_gates:
                yield f"{label} has a finding that no gate has: {finding['fingerprint'][:12]}"


def _bars(status: str) -> bool:
    """Tell whether a gate's status lets none of its controls pass."""
    return status in {"could_not_run", "not_evaluated", "not_applicable"}


def _gates(report: Report) -> Iterator[str]:
    held = {
        one["fingerprint"]
        for control in report["controls"]
        for one in (*control["findings"], *(waived["finding"] for waived in control["waived"]))
    }
    for gate in report["gates"]:
        label, status = f"gate {gate['name']}", gate["status"]
        wrong = [
            one for one in gate["specimens"] if one["ok"] != (one["should_fire"] == one["fired"])
        ]
        if wrong:
            yield f"{label}: a specimen's outcome is not what it says"
        blunt = any(not one["ok"] for one in gate["specimens"])
        missed = any(one["missed"] for one in gate["scopes"])
        if status in _ANSWERED and (blunt or missed):
            yield f"{label} is {status}, though it missed something or a rule is blunt"
        if status == "passed" and (gate["findings"] or not gate["scopes"]):
            yield f"{label} is passed with findings, or looked at nothing"
        if any(one not in held for one in gate["findings"]):
            yield f"{label} has a finding that no control has"
        yield from _scopes(label, gate)


def _scopes(label: str, gate: Mapping[str, Any]) -> Iterator[str]:
    for scope in gate["scopes"]:
        missed = set(scope["expected"]) - set(scope["scanned"]) - set(scope["skipped"])
        if missed != set(scope["missed"]):
            yield f"{label}: the {scope['unit']} missed are not those expected and not looked at"


def _lists(report: Report) -> Iterator[str]:
    for one in report["inventory"]:
        names = one["names"]
        if one["count"] != len(names) or one["digest"] != digest_texts(sorted(names)):
            yield f"the inventory's {one['unit']} do not have their count or digest"
    specimens: Counter[tuple[str, str]] = Counter()
    for gate in report["gates"]:
        for example in gate["specimens"]:
            kind = "bad" if example["should_fire"] else "good"
            specimens[example["rule"], kind] += 1
            specimens[example["rule"], "caught" if kind == "bad" else "bitten"] += example["fired"]
    for rule in report["rules"]:
        if any(rule[k] != specimens[rule["rule"], k] for k in ("bad", "caught", "good", "bitten")):
            yield f"the rule {rule['rule']} does not have the record of its specimens"
