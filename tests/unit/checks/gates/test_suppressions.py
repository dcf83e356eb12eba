from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from checks_support import make_context, make_project

from checks.gates.suppressions import BANNED, GREW, STALE, SuppressionsGate
from checks.model import NotApplicable, Status
from checks.policyfile import PolicyError
from checks.runner import run_gate

if TYPE_CHECKING:
    from pathlib import Path

    from checks.context import Context
    from checks.model import GateResult


def context_of(tmp_path: Path, code: str, record: str | None) -> Context:
    project = make_project(tmp_path / "project")
    (project / "src/parcel/__init__.py").write_text(code)
    (project / "policies").mkdir()
    if record is not None:
        (project / "policies/suppressions.toml").write_text(record)
    return make_context(project, tmp_path / "work", own=False)


def run(context: Context) -> GateResult:
    return run_gate(SuppressionsGate(), context, without_specimens=())


ONE = "import os  # noqa: F401 - taken from here\n"
RECORD = "schema = 1\nreason_required = true\n[most]\nnoqa = {}\n"


def test_as_recorded_passes(tmp_path: Path) -> None:
    assert run(context_of(tmp_path, ONE, RECORD.format(1))).status is Status.PASSED


@pytest.mark.parametrize(("recorded", "rule"), [(0, GREW), (2, STALE)])
def test_another_count_fails_both_ways(tmp_path: Path, recorded: int, rule: str) -> None:
    result = run(context_of(tmp_path, ONE, RECORD.format(recorded)))
    assert result.output is not None
    assert [one.rule for one in result.output.findings] == [rule]


def test_a_banned_kind_is_refused_whatever_its_reason(tmp_path: Path) -> None:
    record = 'schema = 1\nreason_required = true\nbanned = ["noqa"]\n'
    result = run(context_of(tmp_path, ONE, record))
    assert result.output is not None
    assert [one.rule for one in result.output.findings] == [BANNED]


def test_a_project_without_a_record_is_judged_by_the_starter(tmp_path: Path) -> None:
    result = run(context_of(tmp_path, "import os  # noqa: F401\nimport re  # noqa\n", None))
    assert result.output is not None
    assert [one.rule for one in result.output.findings] == ["suppressions.blanket"]


def test_what_python_cannot_parse_is_left_to_the_static_gate(tmp_path: Path) -> None:
    assert run(context_of(tmp_path, "def f(:\n", RECORD.format(0))).status is Status.PASSED


@pytest.mark.parametrize(
    "record",
    [
        "",
        "schema = 1\n",
        "schema = 1\nreason_required = 1\n",
        "schema = 1\nreason_required = true\nmany = 1\n",
        'schema = 1\nreason_required = true\nbanned = ["nosek"]\n',
        "schema = 1\nreason_required = true\n[most]\nnosek = 1\n",
        'schema = 1\nreason_required = true\nbanned = ["noqa"]\n[most]\nnoqa = 1\n',
        "schema = 1\nreason_required = true\n[most]\nnoqa = -1\n",
        "schema = 1\nreason_required = true\n[most]\nnoqa = true\n",
    ],
)
def test_a_record_that_is_wrong_is_refused(tmp_path: Path, record: str) -> None:
    with pytest.raises(PolicyError):
        SuppressionsGate().check(context_of(tmp_path, ONE, record))


def test_without_any_policy_it_does_not_apply(tmp_path: Path) -> None:
    context = replace(context_of(tmp_path, ONE, None), policies=tmp_path)
    with pytest.raises(NotApplicable, match=r"no policies/suppressions\.toml"):
        SuppressionsGate().check(context)
