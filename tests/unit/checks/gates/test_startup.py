from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from checks_support import ROOT, make_context, make_project

from checks.gates.startup import (
    ACCEPTED,
    LISTENED,
    SILENT,
    Case,
    StartupGate,
    judge_dangerous,
    read_table,
)
from checks.model import CouldNotRun, NotApplicable

if TYPE_CHECKING:
    from pathlib import Path

CASE = Case("demo", "a demonstration", says=("no reason",))


def rules(script: str, case: Case = CASE, limit: float = 20) -> list[str]:
    command = [sys.executable, "-I", "-c", script]
    return [finding.rule for finding in judge_dangerous(case, command, limit)]


def test_a_refusal_with_its_reason_is_no_finding() -> None:
    assert rules("import sys; sys.stderr.write('No reason'); sys.exit(78)") == []


def test_a_command_that_hangs_has_accepted() -> None:
    assert rules("import time; time.sleep(60)", limit=0.5) == [ACCEPTED, SILENT]


def test_a_listening_command_is_seen_and_ended() -> None:
    script = "import socket, time; s = socket.create_server(('127.0.0.1', 0)); time.sleep(60)"
    assert rules(script) == [LISTENED, ACCEPTED, SILENT]


def test_no_variable_of_ours_leaks_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARQONBUS_PROFILE", "dev")
    script = (
        "import os, sys; sys.stderr.write('no reason');"
        "sys.exit(0 if 'ARQONBUS_PROFILE' in os.environ else 78)"
    )
    assert rules(script) == []


def test_the_table_names_what_the_assessment_found() -> None:
    dangerous, safe = read_table(ROOT / "policies/startup.toml")
    ids = {case.id for case in dangerous}
    assert {"known-default-secret-padded", "skip-validation", "open-bind-dev"} <= ids
    assert {"dead-redis", "prod-degraded", "disk-from-memory", "unknown-storage-mode"} <= ids
    assert {case.id for case in safe} >= {"dev-defaults", "prod-complete"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "dangerous"),
        ("dangerous = []\nsafe = []\n", "needs dangerous and safe"),
        ("[[dangerous]]\nid='a'\nwhy='b'\n[[safe]]\nid='a'\nwhy='b'\n", "id of its own"),
        ("[[dangerous]]\nid='a'\nwhy='b'\n[[safe]]\nid='c'\nwhy='d'\n", "expects nothing"),
        ("[[dangerous]]\nid='a'\nwhy='b'\nsay='x'\n[[safe]]\nid='c'\nwhy='d'\n", "say"),
    ],
)
def test_a_table_that_proves_nothing_is_refused(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "startup.toml"
    path.write_text(text)
    with pytest.raises(CouldNotRun, match=why):
        read_table(path)


def test_another_projects_command_is_not_applicable(tmp_path: Path) -> None:
    context = make_context(make_project(tmp_path / "project"), tmp_path / "work")
    with pytest.raises(NotApplicable):
        StartupGate().check(context)
