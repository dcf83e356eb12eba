"""Gates and reports that took what is written for something else, or passed it by."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from checks_support import FINDING, ROOT, make_outcome, make_result

from checks.model import Status
from checks.reporting.sarif import render_sarif
from checks.suppressed import in_python
from checks.suppressed_rust import in_rust
from checks.workflows.files import all_files
from checks.workflows.tox import tox_ignores

if TYPE_CHECKING:
    from pathlib import Path


def tox_says(project: Path, text: str) -> list[str]:
    (project / "tox.ini").write_text(text)
    return [one.message for one in tox_ignores(project)]


def test_an_option_on_a_line_of_its_own_was_taken_for_a_failure_that_is_ignored(
    tmp_path: Path,
) -> None:
    assert tox_says(tmp_path, "[testenv]\ncommands = pytest \\\n    -q\n") == []


@pytest.mark.parametrize(
    "commands", ["", "{[base]commands}", "py311: pytest"], ids=["emptied", "referring", "factor"]
)
def test_an_environment_that_runs_nothing_was_saved_by_what_it_would_inherit(
    tmp_path: Path, commands: str
) -> None:
    text = f"[base]\ncommands =\n[testenv]\ncommands = pytest\n[testenv:x]\ncommands = {commands}\n"
    assert tox_says(tmp_path, text) == [
        "the environment x has no commands, so it passes always",
    ]


def test_a_failure_ignored_in_a_section_that_others_refer_to_was_not_seen(tmp_path: Path) -> None:
    text = "[base]\ntests = - pytest\n[testenv]\ncommands = {[base]tests}\n"
    assert tox_says(tmp_path, text) == ["[testenv] - pytest: its failure is ignored"]


def test_an_action_at_the_root_was_not_looked_at(tmp_path: Path) -> None:
    (tmp_path / "action.yml").write_text("runs:\n  using: composite\n  steps: []\n")
    assert all_files(tmp_path) == {"action.yml"}


def test_a_rust_attribute_over_several_lines_was_not_heard() -> None:
    assert [one.kind for one in in_rust("#[allow(\n    dead_code,\n)]\nfn f() {}\n")] == [
        "rust-allow"
    ]


def test_the_code_beside_a_rust_attribute_was_taken_for_its_reason() -> None:
    (found,) = in_rust("#[allow(dead_code)] pub fn some_thing() {}\n")
    assert not found.explained


def test_a_file_that_mypy_passes_over_whole_was_taken_for_one_code() -> None:
    (found,) = in_python("# mypy: ignore-errors  # the stubs are wrong\n", "a.py")
    assert found.blanket


def test_a_rules_name_in_sarif_was_its_id_again() -> None:
    text = render_sarif(make_outcome(make_result(Status.FAILED, FINDING)))
    (rule,) = json.loads(text)["runs"][0]["tool"]["driver"]["rules"]
    assert rule["id"] == FINDING.rule
    assert "name" not in rule


def test_a_filter_on_the_screen_hid_rows_on_paper_and_dark_colours_were_printed() -> None:
    # Shown in a browser by tests/browser; here that both rules are for screens alone.
    css = (ROOT / "checks/reporting/page/report.css").read_text("utf-8")
    assert "@media (prefers-color-scheme" not in css
    before, _, filters = css.partition("body:has(#s-passed")
    assert filters
    assert before.rstrip().endswith("@media screen {")
