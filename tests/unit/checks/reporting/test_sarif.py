from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from checks_support import FINDING, make_outcome, make_result, make_waiver
from jsonschema import Draft202012Validator

from checks.model import Finding, Location, Mode, Status
from checks.outcome import Outcome
from checks.reporting.sarif import render_sarif

WHOLE_PROJECT = Finding("demo.rule", "the project is bad")
AT_A_COLUMN = Finding("demo.rule", "bad", Location("src/a b.py", 3, 9), "x", "f", "do good")
OUTCOMES = {
    "passed": make_outcome(make_result(Status.PASSED)),
    "failed": make_outcome(make_result(Status.FAILED, FINDING, WHOLE_PROJECT, AT_A_COLUMN)),
    "waived": make_outcome(
        make_result(Status.WAIVED, FINDING), waivers={FINDING.fingerprint: make_waiver()}
    ),
    "crashed": make_outcome(make_result(Status.COULD_NOT_RUN), built=False),
    "unsure": make_outcome(make_result(Status.NOT_EVALUATED), mode=Mode.DEGRADED),
}
EVERY = pytest.mark.parametrize("outcome", OUTCOMES.values(), ids=OUTCOMES)


@pytest.fixture(scope="module")
def standard() -> Draft202012Validator:
    schema = json.loads(Path(__file__).with_name("sarif-2.1.0.json").read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def run(outcome: Outcome) -> dict[str, Any]:
    (only,) = json.loads(render_sarif(outcome))["runs"]
    assert isinstance(only, dict)
    return only


@EVERY
def test_the_report_keeps_the_standards_schema(
    outcome: Outcome, standard: Draft202012Validator
) -> None:
    standard.validate(json.loads(render_sarif(outcome)))


@pytest.mark.parametrize(
    "place", [(), ("runs", 0), ("runs", 0, "results", 0), ("runs", 0, "invocations", 0)]
)
def test_the_schema_refuses_what_the_standard_does_not_know(
    place: tuple[str | int, ...], standard: Draft202012Validator
) -> None:
    log = json.loads(render_sarif(OUTCOMES["failed"]))
    node = log
    for step in place:
        node = node[step]
    node["surprise"] = 1
    assert [list(error.absolute_path) for error in standard.iter_errors(log)] == [list(place)]


@EVERY
def test_a_rule_has_no_name_that_only_says_its_id_again(outcome: Outcome) -> None:
    # SARIF 2.1.0, 3.49.7: a name is for people; where it would be the id it must be left out.
    for rule in run(outcome)["tool"]["driver"]["rules"]:
        assert rule.get("name") != rule["id"]
