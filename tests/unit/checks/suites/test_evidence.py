from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from checks_support import make_project
from unit.checks.suites.runs import run

from checks.model import CouldNotRun
from checks.suites import evidence as ev


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "py312.json"
    written = run({"tests/unit/test_a.py::test_a[é]": ev.SKIPPED})
    ev.write(file, written)
    assert ev.read(file) == written
    assert [one.name for one in file.parent.iterdir()] == ["py312.json"]


@pytest.mark.parametrize("text", ["", "{}", '{"schema": 1', "[]"])
def test_what_can_not_be_read_is_no_evidence(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(CouldNotRun, match=r"a\.json can't be read"):
        ev.read(tmp_path / "a.json")


def test_another_schema_is_not_guessed_at(tmp_path: Path) -> None:
    ev.write(tmp_path / "a.json", msgspec.structs.replace(run({}), schema=99))
    with pytest.raises(CouldNotRun, match="schema 99"):
        ev.read(tmp_path / "a.json")


def test_every_file_counts_that_is_the_projects(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    before = ev.tree_digest(project)
    (project / ".work").mkdir()
    (project / ".work" / "a.json").write_text("{}")
    assert ev.tree_digest(project) == before
    (project / "notes.txt").write_text("not tracked yet")
    assert ev.tree_digest(project) != before
