"""The JSON report; its schema is published in policies/report.schema.json."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checks.model import Status
from checks.outcome import VERIFIER
from checks.records import rule_records

if TYPE_CHECKING:
    from checks.model import Finding, GateOutput, GateResult, Scope, Taken, ToolRun
    from checks.outcome import ControlResult, FileDigest, Inventory, Outcome
    from checks.waivers import Waiver

SCHEMA = Path(__file__).resolve().parents[2] / "policies" / "report.schema.json"
SCHEMA_VERSION = "2.0"
CHECKS_VERSION = "2.0"


def load_schema() -> dict[str, Any]:  # Any: parsed JSON
    """Return the published schema."""
    schema: dict[str, Any] = json.loads(SCHEMA.read_text("utf-8"))
    return schema


def render_json(outcome: Outcome) -> str:
    """Return the report as JSON text with a final line feed."""
    return json.dumps(as_data(outcome), indent=2, ensure_ascii=False) + "\n"


def as_data(outcome: Outcome) -> dict[str, object]:
    """Return the report as plain data."""
    subject, around = outcome.subject, outcome.surroundings
    return {
        "schema_version": SCHEMA_VERSION,
        "verifier": {"id": VERIFIER, "version": verifier_version()},
        "subject": {
            "project": subject.project,
            "version": subject.version,
            "commit": subject.commit,
            "dirty": subject.dirty,
            "wheel": _file(subject.wheel),
            "sdist": _file(subject.sdist),
        },
        "policy": {"uri": around.policy_uri, "sha256": around.policy_sha256},
        "mode": outcome.mode.value,
        "own": outcome.own,
        "started": outcome.started,
        "ended": outcome.ended,
        "duration_seconds": outcome.duration,
        "slowest_gate": _slowest(outcome),
        "environment": {
            "system": around.system,
            "python": around.python,
            "lock_sha256": around.lock_sha256,
            "tools": around.tools,
        },
        "verdict": outcome.verdict.value,
        "verdict_line": outcome.line,
        "exit_code": outcome.exit_code,
        "attested": outcome.attestable,
        "totals": totals(outcome),
        "problems": list(outcome.problems),
        "warnings": list(outcome.warnings),
        "left_out": list(outcome.left_out),
        "inventory": [_inventory(one) for one in outcome.inventory],
        "rules": [dataclasses.asdict(one) for one in rule_records(outcome.gates)],
        "rules_without_specimens": outcome.without_specimens,
        "controls": [_control(one) for one in outcome.controls],
        "gates": [_gate(one) for one in outcome.gates],
        "frameworks": {
            key: {"name": one.name, "version": one.version, "items": one.items}
            for key, one in outcome.frameworks.items()
        },
        "limitations": list(outcome.limitations),
    }


def totals(outcome: Outcome) -> dict[str, int]:
    """Count the controls by status; every status is there, also with zero."""
    return {s.value: sum(c.status is s for c in outcome.controls) for s in Status}


def verifier_version() -> str:
    """Return the version of the checks: they ship with the project, not on their own."""
    return CHECKS_VERSION


def _slowest(outcome: Outcome) -> dict[str, object] | None:
    """Name the gate that took longest in this run."""
    if not outcome.gates:
        return None
    slowest = max(outcome.gates, key=lambda one: one.duration)
    return {"name": slowest.gate, "duration_seconds": slowest.duration}


def _inventory(one: Inventory) -> dict[str, object]:
    names = sorted(one.names)
    return {"unit": one.unit, "count": len(names), "digest": one.digest, "names": names}


def _taken(taken: Taken) -> dict[str, object]:
    return {
        "part": taken.part,
        "started": taken.started,
        "duration_seconds": taken.duration,
        "digest": taken.digest,
    }


def _file(file: FileDigest | None) -> dict[str, str] | None:
    return None if file is None else {"name": file.name, "sha256": file.sha256}


def _control(result: ControlResult) -> dict[str, object]:
    control = result.control
    return {
        "id": control.id,
        "title": control.title,
        "objective": control.objective,
        "rationale": control.rationale,
        "severity": control.severity,
        "owner": control.owner,
        "assessment_findings": list(control.finding),
        "exit_criteria": list(control.exit_criterion),
        "gates": list(control.gates),
        "rules": list(control.rules),
        "remediation": control.remediation,
        "maps": {key: list(items) for key, items in control.maps.items()},
        "status": result.status.value,
        "reason": result.reason,
        "findings": [finding_data(one) for one in result.findings],
        "waived": [
            {"finding": finding_data(one.finding), "waiver": _waiver(one.waiver)}
            for one in result.waived
        ],
    }


def finding_data(finding: Finding) -> dict[str, object]:
    """Return a finding as data; the snippet is shown and hashed."""
    where = finding.location
    return {
        "rule": finding.rule,
        "message": finding.message,
        "location": None
        if where is None
        else {"path": where.path, "line": where.line, "column": where.column},
        "snippet": finding.snippet,
        "snippet_sha256": hashlib.sha256(finding.snippet.encode()).hexdigest(),
        "context": finding.context,
        "occurrence": finding.occurrence,
        "fingerprint": finding.fingerprint,
        "remediation": finding.remediation,
    }


def _waiver(waiver: Waiver) -> dict[str, str]:
    return {
        "owner": waiver.owner,
        "approver": waiver.approver,
        "reason": waiver.reason,
        "compensating_control": waiver.compensating_control,
        "created": waiver.created.isoformat(),
        "expires": waiver.expires.isoformat(),
    }


def _gate(result: GateResult) -> dict[str, object]:
    return {
        "name": result.gate,
        "title": result.title,
        "status": result.status.value,
        "reason": result.reason,
        "started": result.started,
        "duration_seconds": result.duration,
        "reproduce": result.reproduce,
        "log": result.log,
        "taken_from": [_taken(one) for one in result.taken],
        **_output(result.output),
    }


def _output(output: GateOutput | None) -> dict[str, object]:
    if output is None:
        empty: dict[str, object] = {"scopes": [], "specimens": [], "findings": [], "tools": []}
        return {**empty, "notes": [], "warnings": [], "attempts": {}}
    return {
        "scopes": [_scope(one) for one in output.scopes],
        "specimens": [
            {
                "rule": one.rule,
                "path": one.path,
                "sha256": one.sha256,
                "should_fire": one.should_fire,
                "fired": one.fired,
                "ok": one.ok,
            }
            for one in output.specimens
        ],
        "findings": [one.fingerprint for one in output.findings],
        "tools": [_tool(one) for one in output.tools],
        "notes": list(output.notes),
        "warnings": list(output.warnings),
        "attempts": dict(output.attempts),
    }


def _scope(scope: Scope) -> dict[str, object]:
    return {
        "unit": scope.unit,
        "expected": sorted(scope.expected),
        "scanned": sorted(scope.scanned),
        "skipped": dict(sorted(scope.skipped.items())),
        "missed": sorted(scope.missed),
        "digest": scope.digest,
    }


def _tool(run: ToolRun) -> dict[str, object]:
    return {
        "name": run.name,
        "version": run.version,
        "argv": list(run.argv),
        "exit_code": run.exit_code,
        "duration_seconds": run.duration,
    }
