from __future__ import annotations

import dataclasses
import io
import json
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from checks_support import FINDING, ROOT, SHA, make_outcome, make_result, make_waiver
from jsonschema import Draft202012Validator
from rich.console import Console

from checks.model import Mode, Status
from checks.reporting.attestation import RESULT_FILE, VERDICT_FILE, render_statements
from checks.reporting.html import render_html
from checks.reporting.json_report import render_json
from checks.reporting.junit import render_junit
from checks.reporting.sarif import render_sarif
from checks.reporting.summary import MOST_BYTES, escape, render_summary
from checks.reporting.terminal import print_summary
from checks.reporting.write import clear_reports, write_reports

if TYPE_CHECKING:
    from pathlib import Path

    from checks.outcome import Outcome

PASSED = make_outcome(make_result(Status.PASSED))
FAILED = make_outcome(make_result(Status.FAILED, FINDING))
WAIVED = make_outcome(
    make_result(Status.WAIVED, FINDING), waivers={FINDING.fingerprint: make_waiver()}
)
CRASHED = make_outcome(make_result(Status.COULD_NOT_RUN), built=False)
UNSURE = make_outcome(
    make_result(Status.PASSED), make_result(Status.NOT_EVALUATED, gate="net"), mode=Mode.DEGRADED
)
EVERY = pytest.mark.parametrize("outcome", [PASSED, FAILED, WAIVED, CRASHED, UNSURE])


@EVERY
def test_the_json_report_keeps_its_published_schema(outcome: Outcome) -> None:
    schema = json.loads((ROOT / "policies/report.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(json.loads(render_json(outcome)))


def test_the_schema_refuses_what_it_does_not_know() -> None:
    schema = json.loads((ROOT / "policies/report.schema.json").read_text())
    data = json.loads(render_json(PASSED))
    assert not list(Draft202012Validator(schema).iter_errors(data))
    data["gates"][0]["surprise"] = 1
    assert list(Draft202012Validator(schema).iter_errors(data))


def test_the_json_report_says_where_and_how_to_see_it_again() -> None:
    data = json.loads(render_json(FAILED))
    (finding,) = data["controls"][0]["findings"]
    assert finding["location"] == {"path": "src/parcel/a b.py", "line": 7, "column": None}
    assert data["gates"][0]["reproduce"] == "python -m checks --only demo"
    assert data["gates"][0]["tools"][0]["version"] == "1.2"
    assert data["gates"][0]["scopes"][0]["scanned"] == ["a.py"]
    assert data["exit_code"] == 1


def test_sarif_has_stable_ids_relative_places_and_fingerprints() -> None:
    run = json.loads(render_sarif(FAILED))["runs"][0]
    (result,) = run["results"]
    place = result["locations"][0]["physicalLocation"]
    assert result["ruleId"] == run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"]
    assert place["artifactLocation"] == {"uri": "src/parcel/a%20b.py", "uriBaseId": "PROJECT"}
    assert place["region"]["startLine"] == 7
    assert result["partialFingerprints"] == {"releaseCheck/v1": FINDING.fingerprint}
    assert run["invocations"][0]["exitCode"] == 1


def test_sarif_does_not_call_a_crash_successful() -> None:
    (invocation,) = json.loads(render_sarif(CRASHED))["runs"][0]["invocations"]
    assert not invocation["executionSuccessful"]
    assert invocation["toolExecutionNotifications"][0]["level"] == "error"


def test_sarif_suppresses_a_waived_finding_with_its_reason() -> None:
    (result,) = json.loads(render_sarif(WAIVED))["runs"][0]["results"]
    assert "for now" in result["suppressions"][0]["justification"]


class Page(HTMLParser):
    """Collects links, ids and headings, and sees that every tag is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.levels: list[int] = []
        self.bare_headers: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        assert tag not in {"script", "iframe", "link", "img"}
        self.loads += [str(given[key]) for key in ("src", "action") if key in given]
        self.links += [str(given["href"])] if "href" in given else []
        self.ids += [str(given["id"])] if "id" in given else []
        self.levels += [int(tag[1])] if re.fullmatch("h[1-6]", tag) else []
        self.bare_headers += [tag] if tag == "th" and "scope" not in given else []
        if tag not in {"meta", "br", "input"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@EVERY
def test_the_page_is_well_formed_and_loads_nothing(outcome: Outcome) -> None:
    page = Page()
    page.feed(render_html(outcome))
    assert page.open == []
    assert page.loads == []
    assert "url(" not in render_html(outcome)


@EVERY
def test_the_page_can_be_read_by_ear_and_by_keyboard(outcome: Outcome) -> None:
    page = Page()
    page.feed(render_html(outcome))
    assert {link[0] for link in page.links} == {"#"}
    assert {link[1:] for link in page.links} - set(page.ids) == set()
    assert len(page.ids) == len(set(page.ids))
    assert page.levels.count(1) == 1
    steps = zip(page.levels, page.levels[1:], strict=False)
    assert all(after - before <= 1 for before, after in steps)
    assert page.bare_headers == []


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    whole = colour if len(colour) == 6 else "".join(2 * one for one in colour)
    parts = [int(whole[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_the_pages_colours_have_contrast(scheme: int) -> None:
    css = (ROOT / "checks/reporting/page/report.css").read_text()
    block = re.findall(r":root \{(.*?)\}", css, re.DOTALL)[scheme]
    colour = dict(re.findall(r"--([\w-]+): #([0-9a-f]+)", block))
    pairs = [(ink, back) for ink in ("ink", "soft", "link") for back in ("page", "card", "code")]
    pairs += [(one, f"{one}-bg") for one in ("good", "bad", "warn", "calm")]
    pairs += [(ink, back) for ink in ("ink", "soft") for back in ("bad-bg", "warn-bg")]
    for ink, back in pairs:
        one, other = sorted((luminance(colour[ink]), luminance(colour[back])))
        assert (other + 0.05) / (one + 0.05) >= 4.5, (ink, back)


def test_the_page_escapes_and_names_place_and_verdict() -> None:
    text = render_html(FAILED)
    assert "<b>bad</b>" not in text
    assert "src/parcel/a b.py:7" in text
    assert FAILED.line in text
    assert SHA in text


def test_a_strict_pass_is_attested_over_both_files_and_the_commit() -> None:
    statements = {name: json.loads(text) for name, text in render_statements(PASSED).items()}
    verdict, result = statements[VERDICT_FILE], statements[RESULT_FILE]
    assert verdict["predicateType"] == "https://slsa.dev/verification_summary/v1"
    assert [one["digest"]["sha256"] for one in verdict["subject"]] == [SHA, SHA]
    predicate = verdict["predicate"]
    assert predicate["policy"] == {"uri": "urn:x", "digest": {"sha256": SHA}}
    assert predicate["verificationResult"] == "PASSED"
    assert not any(level.startswith("SLSA_") for level in predicate["verifiedLevels"])
    assert "unsigned" in predicate["arqonbus_limitations"][0]
    assert result["predicateType"] == "https://in-toto.io/attestation/test-result/v0.1"
    assert result["subject"][0]["digest"] == {"gitCommit": "c" * 40}
    assert (result["predicate"]["result"], bool(result["predicate"]["configuration"])) == (
        "PASSED",
        True,
    )


@pytest.mark.parametrize("outcome", [FAILED, CRASHED, UNSURE])
def test_nothing_else_is_attested(outcome: Outcome, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="strict pass"):
        render_statements(outcome)
    written = {file.name for file in write_reports(outcome, tmp_path)}
    assert written.isdisjoint({VERDICT_FILE, RESULT_FILE})


def test_an_earlier_pass_does_not_outlive_the_next_run(tmp_path: Path) -> None:
    assert (tmp_path / VERDICT_FILE) in write_reports(PASSED, tmp_path)
    clear_reports(tmp_path)
    assert list(tmp_path.iterdir()) == []


@EVERY
def test_junit_says_as_much_as_the_verdict(outcome: Outcome) -> None:
    root = ET.fromstring(render_junit(outcome))
    counted = {kind: len(list(root.iter(kind))) for kind in ("failure", "error", "skipped")}
    assert bool(counted["failure"] + counted["error"]) == (outcome.verdict is not Status.PASSED)
    assert bool(counted["skipped"]) == (outcome is UNSURE)
    assert list(root.iter("testcase"))


def test_the_summary_begins_with_the_verdict_and_reads_nothing_as_markup() -> None:
    text = render_summary(FAILED)
    assert text.startswith(f"**{escape(FAILED.line)}**")
    assert "<b>" not in text
    assert len([line for line in text.splitlines() if "demo" in line and line[0] == "|"]) == 1


def test_a_summary_of_thousands_of_findings_stays_small() -> None:
    many = [dataclasses.replace(FINDING, context=f"f{n}", message="x|" * 400) for n in range(3000)]
    text = render_summary(make_outcome(make_result(Status.FAILED, *many)))
    assert len(text.encode()) <= MOST_BYTES
    assert "3000" in text


def test_attempts_are_counted_in_every_report_for_people_and_machines() -> None:
    result = make_result(Status.PASSED)
    assert result.output is not None
    output = dataclasses.replace(result.output, attempts={"tokens": 115, "fuzz": 4000})
    outcome = make_outcome(dataclasses.replace(result, output=output))
    console = Console(file=io.StringIO(), width=200)
    print_summary(console, outcome)
    (gate,) = json.loads(render_json(outcome))["gates"]
    assert gate["attempts"] == {"tokens": 115, "fuzz": 4000}
    assert "<td>tokens</td><td>115</td>" in render_html(outcome)
    assert isinstance(console.file, io.StringIO)
    assert "4115 attempts (tokens 115, fuzz 4000)" in console.file.getvalue()
