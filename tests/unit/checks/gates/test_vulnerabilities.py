from __future__ import annotations

import json

import pytest

from checks.gates.vulnerabilities import (
    KNOWN,
    UNACCOUNTED,
    VulnerabilitiesGate,
    known,
    unaccounted,
)
from checks.model import CouldNotRun
from checks.osv.pip_audit import parse_report

VULN = {"id": "PYSEC-1", "fix_versions": ["1.1"], "aliases": [], "description": "x"}


def report(*entries: dict[str, object]) -> str:
    return json.dumps({"dependencies": entries, "fixes": []})


def test_an_advisory_is_a_finding_that_names_the_fix() -> None:
    (finding,) = known(
        parse_report(report({"name": "Parcel", "version": "1.0", "vulns": [VULN]})), "lock.txt"
    )
    assert finding.rule == KNOWN
    assert "parcel 1.0" in finding.message
    assert "PYSEC-1" in finding.message
    assert finding.remediation == "lock parcel 1.1"


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ([], "not in the audit's report"),
        ([{"name": "parcel", "skip_reason": "unknown"}], "skipped by the audit: unknown"),
        ([{"name": "parcel", "version": "2.0", "vulns": []}], "locked 1.0 but audited 2.0"),
    ],
)
def test_what_was_not_audited_as_locked_is_a_finding(
    entries: list[dict[str, object]], reason: str
) -> None:
    (finding,) = unaccounted(parse_report(report(*entries)), {"parcel": "1.0"}, "lock.txt")
    assert finding.rule == UNACCOUNTED
    assert reason in finding.message


def test_what_was_audited_but_is_not_locked_is_a_finding() -> None:
    (finding,) = unaccounted(
        parse_report(report({"name": "stranger", "version": "1", "vulns": []})), {}, "lock.txt"
    )
    assert "not locked" in finding.message


@pytest.mark.parametrize("text", ["", "{}", '{"dependencies": [{"name": "a", "version": "1"}]}'])
def test_a_report_of_another_shape_is_no_pass(text: str) -> None:
    with pytest.raises(CouldNotRun):
        parse_report(text)


def test_the_gate_declares_what_it_raises() -> None:
    assert VulnerabilitiesGate.rules == (KNOWN, UNACCOUNTED)
