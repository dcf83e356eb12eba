"""Mutants laid into a small project, and its real tests run over each."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from checks_support import ROOT

from checks.model import CouldNotRun, Location
from checks.suites.mutation import FILE, RULE, take_sample

if TYPE_CHECKING:
    from pathlib import Path

SPECIMENS = ROOT / "policies" / "specimens" / "suites" / "mutant-survived"
MODULE = "src/door/__init__.py"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return shutil.copytree(SPECIMENS / "good_asserts", tmp_path / "project")


def test_survivors_are_told_at_their_line_and_the_others_with_who_noticed(tmp_path: Path) -> None:
    project = SPECIMENS / "bad_asserts_the_easy_part"
    sample = take_sample(project, tmp_path / "work", project / FILE)
    (place,) = {one.location for one in sample.findings}
    assert place == Location(MODULE, 8)
    assert {one.rule for one in sample.findings} == {RULE}
    told = [note for note in sample.notes if "SURVIVED" in note]
    assert len(told) == len(sample.findings)
    assert [one for one in sample.notes if one.endswith("test_door.py::test_no_key")]
    assert sample.scopes[0].missed == frozenset()
    assert (project / MODULE).read_text() == (SPECIMENS / "good_asserts" / MODULE).read_text()


def test_tests_that_fail_without_a_fault_notice_nothing(project: Path, tmp_path: Path) -> None:
    file = project / "tests" / "test_door.py"
    file.write_text(file.read_text() + "\n\ndef test_broken() -> None:\n    assert 1 == 2\n")
    with pytest.raises(CouldNotRun, match="fail without any fault") as failure:
        take_sample(project, tmp_path / "work", project / FILE)
    assert "assert 1 == 2" in failure.value.__notes__[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import door\n\ndef helper() -> None: ...\n", "can't be collected"),
        ("import pytest\n\n@pytest.mark.skip\ndef test_door() -> None: ...\n", "none passed"),
    ],
    ids=["no test", "all skipped"],
)
def test_tests_that_do_nothing_notice_nothing(
    project: Path, tmp_path: Path, text: str, said: str
) -> None:
    (project / "tests" / "test_door.py").write_text(text)
    with pytest.raises(CouldNotRun, match=said):
        take_sample(project, tmp_path / "work", project / FILE)


def test_a_fault_that_never_ends_is_noticed(project: Path, tmp_path: Path) -> None:
    (project / MODULE).write_text(
        "def drain(n: int) -> None:\n    while True:\n        if n == 0:\n            return\n"
    )
    (project / "tests" / "test_door.py").write_text(
        "from door import drain\n\ndef test_drain() -> None:\n    drain(0)\n"
    )
    policy = (project / FILE).read_text().replace("cpu = 20", "cpu = 1")
    (project / FILE).write_text(policy.replace("threshold = 1.0", "threshold = 0.1"))
    sample = take_sample(project, tmp_path / "work", project / FILE)
    (endless,) = [note for note in sample.notes if "swap-comparison" in note]
    assert endless.endswith("it did not end in time")


def test_a_module_that_is_gone_stops_the_gate(project: Path, tmp_path: Path) -> None:
    shutil.rmtree(project / "src")
    with pytest.raises(CouldNotRun, match="can't be read"):
        take_sample(project, tmp_path / "work", project / FILE)
