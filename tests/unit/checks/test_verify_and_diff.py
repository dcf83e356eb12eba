from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from checks_support import FINDING, TODAY, make_outcome, make_result, make_waiver

from checks.cli import main
from checks.model import Mode, Scope, Status, Taken
from checks.outcome import FileDigest, Inventory
from checks.reporting.attestation import VERDICT_FILE, render_statements
from checks.reporting.json_report import render_json

if TYPE_CHECKING:
    from pathlib import Path

    from checks.outcome import Outcome

WHEEL = b"the wheel's bytes"
PASSED = make_outcome(make_result(Status.PASSED))
FAILED = make_outcome(make_result(Status.FAILED, FINDING))
UNSURE = make_outcome(
    make_result(Status.PASSED), make_result(Status.NOT_EVALUATED, gate="net"), mode=Mode.DEGRADED
)


def of_the_wheel(outcome: Outcome) -> Outcome:
    file = FileDigest("parcel-1.0.whl", hashlib.sha256(WHEEL).hexdigest())
    return replace(outcome, subject=replace(outcome.subject, wheel=file))


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    path = tmp_path / "parcel-1.0.whl"
    path.write_bytes(WHEEL)
    return path


def written(tmp_path: Path, outcome: Outcome, name: str = "report.json") -> Path:
    path = tmp_path / name
    path.write_text(render_json(outcome), "utf-8")
    return path


def edited(path: Path, **changes: Any) -> Path:  # Any: JSON values
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **changes}), "utf-8")
    return path


def verify(report: Path, wheel: Path, *more: str) -> int:
    return main(["verify", str(report), "--wheel", str(wheel), *more])


def test_the_file_that_was_judged(
    tmp_path: Path, wheel: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = written(tmp_path, of_the_wheel(PASSED))
    assert verify(report, wheel) == 0
    said = capsys.readouterr().out
    assert "YES: parcel-1.0.whl is the file that was judged: PASSED (strict)" in said
    assert "NOT the policy" in said
    assert "no proof of who made it" in said


def test_another_file(tmp_path: Path, wheel: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = written(tmp_path, of_the_wheel(PASSED))
    wheel.write_bytes(WHEEL + b"!")
    assert verify(report, wheel) == 1
    assert "is not the wheel that was judged" in capsys.readouterr().out


@pytest.mark.parametrize("outcome", [FAILED, UNSURE])
def test_what_was_not_evaluated_and_what_failed_is_told(
    tmp_path: Path, wheel: Path, outcome: Outcome, capsys: pytest.CaptureFixture[str]
) -> None:
    code = verify(written(tmp_path, of_the_wheel(outcome)), wheel)
    assert code == (1 if outcome is FAILED else 0)
    assert ("net (not evaluated: because)" in capsys.readouterr().out) is (outcome is UNSURE)


@pytest.mark.parametrize(
    "change",
    [
        {"verdict": "passed", "exit_code": 0},
        {"attested": True},
        {"problems": []},
        {"totals": dict.fromkeys([one.value for one in Status], 0)},
    ],
)
def test_an_edited_report_contradicts_itself(
    tmp_path: Path, wheel: Path, change: dict[str, Any]
) -> None:
    failed = replace(of_the_wheel(FAILED), problems=("p",))
    report = edited(written(tmp_path, failed), **change)
    assert verify(report, wheel) == 1


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"schema_version": "1.0"}'])
def test_what_is_no_report(tmp_path: Path, wheel: Path, text: str) -> None:
    report = tmp_path / "report.json"
    report.write_text(text)
    assert verify(report, wheel) == 2
    assert verify(tmp_path / "gone.json", wheel) == 2
    assert verify(written(tmp_path, PASSED), tmp_path / "gone.whl") == 2


def test_the_attestation_must_be_about_the_same(tmp_path: Path, wheel: Path) -> None:
    outcome = of_the_wheel(PASSED)
    report = written(tmp_path, outcome)
    statement = tmp_path / VERDICT_FILE
    statement.write_text(render_statements(outcome)[VERDICT_FILE])
    assert verify(report, wheel, "--attestation", str(statement)) == 0
    statement.write_text(render_statements(PASSED)[VERDICT_FILE])
    assert verify(report, wheel, "--attestation", str(statement)) == 1
    statement.write_text("{}")
    assert verify(report, wheel, "--attestation", str(statement)) == 2


def diff(tmp_path: Path, old: Outcome, new: Outcome, *more: str) -> int:
    files = (written(tmp_path, old, "old.json"), written(tmp_path, new, "new.json"))
    return main(["diff", *map(str, files), *more])


def test_nothing_changed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert diff(tmp_path, PASSED, PASSED) == 0
    assert "0 changes" in capsys.readouterr().out


def test_a_new_finding_is_worse_and_its_end_is_better(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert diff(tmp_path, PASSED, FAILED) == 1
    assert "new: demo.rule src/parcel/a b.py:7" in capsys.readouterr().out
    assert diff(tmp_path, FAILED, PASSED) == 0
    assert "gone: demo.rule" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("worse", "told"),
    [
        (make_outcome(make_result(Status.PASSED), mode=Mode.DEGRADED), "mode"),
        (replace(PASSED, inventory=(Inventory("tests executed", frozenset("a")),)), "tests"),
        (make_outcome(make_result(Status.NOT_EVALUATED), mode=Mode.DEGRADED), "DEMO-1"),
    ],
)
def test_what_is_weaker_is_worse(
    tmp_path: Path, worse: Outcome, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    better = replace(PASSED, inventory=(Inventory("tests executed", frozenset("ab")),))
    assert diff(tmp_path, better, worse, "--json") == 1
    changes = json.loads(capsys.readouterr().out)
    assert any(one["worse"] and told in one["what"] for one in changes)


def test_a_report_that_contradicts_itself_is_not_compared(tmp_path: Path) -> None:
    old, new = written(tmp_path, FAILED, "old.json"), written(tmp_path, FAILED, "new.json")
    edited(new, verdict="passed")
    assert main(["diff", str(old), str(new)]) == 2


def test_what_is_skipped_now_is_worse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = make_result(Status.PASSED)
    assert result.output is not None
    scope = Scope("files", frozenset({"a.py", "b.py"}), frozenset({"a.py"}), {"b.py": "a reason"})
    skipping = replace(result, output=replace(result.output, scopes=(scope,)))
    assert diff(tmp_path, PASSED, make_outcome(skipping)) == 1
    assert "new: demo files b.py" in capsys.readouterr().out


def test_a_waiver_that_is_drawn_out_is_worse(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def waived(days: int) -> Outcome:
        waiver = make_waiver(expires=TODAY + dt.timedelta(days=days))
        return make_outcome(
            make_result(Status.WAIVED, FINDING), waivers={FINDING.fingerprint: waiver}
        )

    assert diff(tmp_path, waived(5), waived(50)) == 1
    assert "changed: demo.rule" in capsys.readouterr().out
    assert diff(tmp_path, waived(50), waived(5)) == 0


def test_what_comes_from_an_earlier_run_is_told(
    tmp_path: Path, wheel: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    taken = Taken("project", "2026-11-20T00:00:00+00:00", 5.0, "d" * 64)
    result = replace(make_result(Status.PASSED), taken=(taken,))
    outcome = of_the_wheel(make_outcome(result, mode=Mode.DEGRADED))
    assert verify(written(tmp_path, outcome), wheel) == 0
    assert "demo: project taken from an earlier run, 2026-11-20" in capsys.readouterr().out
