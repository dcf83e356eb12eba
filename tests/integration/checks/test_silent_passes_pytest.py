"""Runs with which pytest is content: the evidence of each makes the gate `suites` fail."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from checks_support import ROOT, make_context, make_project
from unit.checks.suites.runs import judged

from checks.model import Status
from checks.suites import evidence as ev

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from checks.model import GateResult

SETTINGS = """
[tool.pytest.ini_options]
testpaths = ["tests"]
asyncio_default_fixture_loop_scope = "function"
xfail_strict = {strict}
filterwarnings = [{warnings}]
"""
GOOD = "def test_it():\n    assert True\n"


class Project:
    """A small project whose tests are really run, with the recorder."""

    def __init__(self, root: Path, work: Path) -> None:
        self.root = make_project(root)
        self._work = work
        self.settings()
        (self.root / "policies").mkdir()
        (self.root / "policies" / "suites.toml").write_text("schema = 1\n[least]\nunit = 1\n")

    @property
    def evidence(self) -> Path:
        return self.root / ev.FOLDER / "here.json"

    def settings(self, *, strict: str = "true", warnings: str = '"error"') -> None:
        file = self.root / "pyproject.toml"
        head = file.read_text().partition("\n[tool.pytest")[0]
        file.write_text(head + SETTINGS.format(strict=strict, warnings=warnings))

    def test(self, text: str, name: str = "test_a.py") -> None:
        file = self.root / "tests" / "unit" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def pytest(self, *arguments: str, **environment: str) -> int:
        """Run it; its exit status."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
        recording = ("-p", "checks.suites.recorder", "--evidence", f"{ev.FOLDER}/here.json")
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-q", *recording, *arguments],
            cwd=self.root,
            env={**inherited, "PYTHONPATH": str(ROOT), **environment},
            capture_output=True,
            check=False,
        ).returncode

    def judged(self) -> GateResult:
        return judged(make_context(self.root, self._work, own=False))

    def found(self) -> set[str]:
        """The rules that fire on what the run left, which must have failed the gate."""
        result = self.judged()
        assert result.status in {Status.FAILED, Status.COULD_NOT_RUN}, result.reason
        assert result.output
        return {one.rule.removeprefix("suites.") for one in result.output.findings}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "project", tmp_path / "work")


def test_a_good_run_on_several_processes_is_told_whole(project: Project) -> None:
    project.test("import pytest\n@pytest.mark.parametrize('n', range(4))\ndef test_it(n): pass\n")
    assert project.pytest("-n", "2") == 0
    result = project.judged()
    assert result.status is Status.PASSED, result.reason
    recorded = ev.read(project.evidence)
    assert len(recorded.collected) == len(recorded.tests) == 4
    assert not list(project.evidence.parent.glob("*.part"))


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("import pytest\npytestmark = pytest.mark.skip('later')\n" + GOOD, {"skipped", "missing"}),
        (
            "import pytest\npytest.skip('later', allow_module_level=True)\n" + GOOD,
            {"skipped", "missing"},
        ),
        ("import pytest\ndef test_it():\n    pytest.xfail('known')\n", {"skipped"}),
        ("import pytest\n@pytest.mark.xfail(strict=False)\n" + GOOD, {"failed", "lenient"}),
    ],
    ids=["all skipped", "a file that skips itself", "xfail in the test", "xpass"],
)
def test_what_pytest_passes_the_gate_does_not(project: Project, text: str, rules: set[str]) -> None:
    project.test(text)
    assert project.pytest() in {0, pytest.ExitCode.NO_TESTS_COLLECTED}
    assert project.found() >= rules


def test_a_skip_seen_by_a_worker_is_told(project: Project) -> None:
    project.test("import pytest\npytest.skip('later', allow_module_level=True)\n")
    project.test(GOOD, "test_b.py")
    assert project.pytest("-n", "1") == 0
    assert project.found() == {"skipped"}


def test_collecting_only_by_the_environment(project: Project) -> None:
    project.test(GOOD)
    assert project.pytest(PYTEST_ADDOPTS="--collect-only") == 0
    assert project.found() == {"narrowed", "missing", "not-executed"}


def test_a_test_that_returns_false(project: Project) -> None:
    project.test("def test_it():\n    return False\n")
    project.settings(warnings="")
    assert project.pytest() == 0
    assert project.found() == {"lenient"}
    project.settings()
    assert project.pytest() == pytest.ExitCode.TESTS_FAILED
    assert project.found() == {"failed"}


def test_an_unexpected_pass_that_settings_allow(project: Project) -> None:
    project.test("import pytest\n@pytest.mark.xfail\n" + GOOD)
    project.settings(strict="false")
    assert project.pytest() == 0
    assert project.found() == {"failed", "lenient"}


@pytest.mark.parametrize(
    "arguments",
    [
        ["-k", "not other"],
        ["--deselect", "tests/unit/test_b.py::test_it"],
        ["tests/unit/test_a.py"],
    ],
    ids=["a keyword", "deselected", "a part"],
)
def test_a_part_of_the_tests(project: Project, arguments: Sequence[str]) -> None:
    project.test(GOOD)
    project.test(GOOD.replace("it", "other"), "test_b.py")
    assert project.pytest(*arguments) == 0
    assert "narrowed" in project.found()


def test_what_a_conftest_takes_out(project: Project) -> None:
    project.test(GOOD + GOOD.replace("it", "other"))
    project.test("def pytest_collection_modifyitems(items):\n    del items[1:]\n", "conftest.py")
    assert project.pytest("-n", "1") == 0
    assert project.found() == {"narrowed"}


def test_what_a_conftest_hides(project: Project) -> None:
    project.test(GOOD)
    project.test(GOOD, "test_b.py")
    project.test("collect_ignore = ['test_b.py']\n", "conftest.py")
    assert project.pytest() == 0
    assert project.found() == {"not-executed"}


def test_a_tree_that_changes_meanwhile(project: Project) -> None:
    project.test("def test_it():\n    open('src/parcel/__init__.py', 'a').write('x = 1')\n")
    project.settings(warnings='"error", "ignore::ResourceWarning"')
    project.pytest()
    assert project.judged().status is Status.NOT_EVALUATED


def test_a_run_that_is_killed_leaves_nothing_not_even_of_the_one_before(project: Project) -> None:
    project.test(GOOD)
    assert project.pytest() == 0
    assert project.evidence.is_file()
    project.test("import os\ndef test_it():\n    os.kill(os.getpid(), 9)\n")
    assert project.pytest() == -signal.SIGKILL
    assert not project.evidence.exists()
    assert project.judged().status is Status.NOT_EVALUATED


def test_a_lost_worker_is_a_failure(project: Project) -> None:
    project.test("import os\ndef test_it():\n    os._exit(0)\n")
    project.test(GOOD, "test_b.py")
    project.pytest("-n", "1")
    assert "failed" in project.found()


def test_without_the_option_nothing_is_recorded(project: Project) -> None:
    project.test(GOOD)
    project.pytest("--evidence", "")
    assert not project.evidence.exists()
