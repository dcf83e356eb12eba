"""SARIF 2.1.0 for code scanning: stable rule ids, relative paths, fingerprints, invocations."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import quote

from checks.model import Status
from checks.outcome import VERIFIER
from checks.reporting.json_report import CHECKS_VERSION

if TYPE_CHECKING:
    from checks.model import Finding, GateResult
    from checks.outcome import ControlResult, Outcome, Waived

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {"critical": "error", "high": "error", "medium": "warning", "low": "note"}
_SCORES = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "2.0"}


def render_sarif(outcome: Outcome) -> str:
    """Return one SARIF run as JSON text with a final line feed."""
    log = {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": _driver(outcome)},
                "originalUriBaseIds": {
                    "PROJECT": {"description": {"text": "The root of the project under check."}}
                },
                "invocations": [_invocation(outcome)],
                "results": _results(outcome),
                "columnKind": "unicodeCodePoints",
                "properties": {"mode": outcome.mode.value, "verdict": outcome.line},
            }
        ],
    }
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"


def _driver(outcome: Outcome) -> dict[str, object]:
    return {"name": VERIFIER, "version": CHECKS_VERSION, "rules": list(_rules(outcome).values())}


def _rules(outcome: Outcome) -> dict[str, dict[str, object]]:
    """Describe each rule by the first control that it proves."""
    rules: dict[str, dict[str, object]] = {}
    for result in outcome.controls:
        control = result.control
        for rule in control.rules:
            rules.setdefault(
                rule,
                {
                    "id": rule,
                    "shortDescription": {"text": control.title},
                    "fullDescription": {"text": control.objective},
                    "help": {"text": control.remediation},
                    "defaultConfiguration": {"level": _LEVELS[control.severity]},
                    "properties": {
                        "control": control.id,
                        "security-severity": _SCORES[control.severity],
                    },
                },
            )
    return rules


def _results(outcome: Outcome) -> list[dict[str, object]]:
    """Return each finding once, though several controls may claim it."""
    order = {rule: number for number, rule in enumerate(_rules(outcome))}
    found: dict[str, dict[str, object]] = {}
    for control in outcome.controls:
        for finding in control.findings:
            found.setdefault(finding.fingerprint, _result(finding, control, order))
        for waived in control.waived:
            entry = _result(waived.finding, control, order)
            entry["suppressions"] = [_suppression(waived)]
            found.setdefault(waived.finding.fingerprint, entry)
    return list(found.values())


def _result(finding: Finding, control: ControlResult, order: dict[str, int]) -> dict[str, object]:
    return {
        "ruleId": finding.rule,
        "ruleIndex": order[finding.rule],
        "level": _LEVELS[control.control.severity],
        "message": {"text": finding.message},
        "locations": [_location(finding)],
        "partialFingerprints": {"releaseCheck/v1": finding.fingerprint},
    }


def _location(finding: Finding) -> dict[str, object]:
    """Point at the place; a finding about the whole project points at its metadata."""
    where = finding.location
    path = where.path if where else "pyproject.toml"
    region: dict[str, object] = {"startLine": (where.line if where else None) or 1}
    if where and where.column:
        region["startColumn"] = where.column
    if finding.snippet:
        region["snippet"] = {"text": finding.snippet}
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": quote(path), "uriBaseId": "PROJECT"},
            "region": region,
        }
    }


def _suppression(waived: Waived) -> dict[str, object]:
    waiver = waived.waiver
    text = f"{waiver.reason} (owner {waiver.owner}, approver {waiver.approver})"
    return {"kind": "external", "status": "accepted", "justification": text}


def _invocation(outcome: Outcome) -> dict[str, object]:
    """Say whether the run itself can be trusted: it can't when a gate did not run."""
    bad = {Status.COULD_NOT_RUN, Status.NOT_EVALUATED}
    return {
        "executionSuccessful": all(one.status is not Status.COULD_NOT_RUN for one in outcome.gates),
        "exitCode": outcome.exit_code,
        "startTimeUtc": outcome.started.replace("+00:00", "Z"),
        "endTimeUtc": outcome.ended.replace("+00:00", "Z"),
        "toolExecutionNotifications": [
            *(_notification(one) for one in outcome.gates if one.status in bad),
            *(_distrust(one) for one in outcome.gates if one.status is Status.FAILED),
            *({"level": "error", "message": {"text": text}} for text in outcome.problems),
        ],
    }


def _notification(result: GateResult) -> dict[str, object]:
    level = "error" if result.status is Status.COULD_NOT_RUN else "warning"
    text = f"gate {result.gate}: {result.status.value}: {result.reason}"
    return {"level": level, "message": {"text": text}, "descriptor": {"id": f"gate.{result.gate}"}}


def _distrust(result: GateResult) -> dict[str, object]:
    """Carry a failure that is no finding (a blunt rule, a file not looked at)."""
    text = f"gate {result.gate}: failed: {result.reason}"
    return {"level": "note", "message": {"text": text}, "descriptor": {"id": f"gate.{result.gate}"}}
