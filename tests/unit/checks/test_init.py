from __future__ import annotations

from typing import TYPE_CHECKING

from checks_support import ROOT, make_context, make_project

from checks.cli import main
from checks.gates.suppressions import POLICY, read_demands
from checks.waivers import load_waivers

if TYPE_CHECKING:
    from pathlib import Path

STARTERS = {file.name for file in (ROOT / "policies/starter").iterdir()}


def test_the_starter_policy_is_written_once_and_speaks_from_then_on(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    assert main(["init", "--project", str(project)]) == 0
    assert {file.name for file in (project / "policies").iterdir()} == STARTERS
    assert load_waivers(project / "policies/waivers.toml", set()) == ()
    mine = project / "policies" / POLICY
    mine.write_text("schema = 1\nreason_required = true\n")
    assert main(["init", "--project", str(project)]) == 0
    context = make_context(project, tmp_path / "work", own=False)
    assert read_demands(context.settings_file(POLICY)).reason_required
    assert main(["init", "--project", str(project), "--force"]) == 0
    assert not read_demands(context.settings_file(POLICY)).reason_required


def test_no_project_and_our_own_are_refused(tmp_path: Path) -> None:
    assert main(["init", "--project", str(tmp_path / "gone")]) == 2
    assert main(["init", "--project", str(ROOT)]) == 2
