"""Ways in which zizmor and tox pass without having looked, in the real tools; our gate fails."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from checks_support import make_context, make_project

from checks.gates.suites import SuitesGate
from checks.gates.workflows import WorkflowsGate
from checks.model import CouldNotRun, NotEvaluated

BIN = Path(sys.executable).parent
GOOD = """\
name: ci
on: [push, pull_request]
permissions: {}
concurrency: {group: ci, cancel-in-progress: true}
jobs:
  test:
    runs-on: ubuntu-24.04
    permissions: {contents: read}
    steps:
      - run: scripts/test
"""
BAD = GOOD.replace("scripts/test", "echo ${{ github.event.issue.title }}")


def zizmor(folder: Path, *arguments: str) -> int:
    command = [str(BIN / "zizmor"), "--offline", *arguments, ".github"]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode


def project(tmp_path: Path, *, bad: bool = False, **files: str) -> Path:
    root = make_project(tmp_path / "project")
    workflows = root / ".github/workflows"
    workflows.mkdir(parents=True)
    (workflows / "ci.yml").write_text(BAD if bad else GOOD)
    for name, text in files.items():
        (workflows / f"{name}.yml").write_text(text)
    return root


def found(root: Path, tmp_path: Path) -> set[str]:
    """The rules that bite; what the specimens say is not asked here."""
    output = WorkflowsGate().check(make_context(root, tmp_path / "work", own=False))
    assert not any(scope.missed for scope in output.scopes)
    return {one.rule for one in output.findings}


def test_a_good_project_passes(tmp_path: Path) -> None:
    assert found(project(tmp_path), tmp_path) == set()


def test_a_broken_file_beside_a_good_one_is_only_a_warning_to_zizmor(tmp_path: Path) -> None:
    root = project(tmp_path, broken="on: [")
    assert zizmor(root) == 0
    with pytest.raises(CouldNotRun, match="zizmor gave no answer"):
        found(root, tmp_path)


def test_sarif_mode_always_exits_zero(tmp_path: Path) -> None:
    root = project(tmp_path, bad=True)
    assert zizmor(root, "--format", "sarif") == 0
    assert "workflows.audit" in found(root, tmp_path)


@pytest.mark.parametrize("where", ["comment", "configuration"])
def test_what_is_told_to_look_away_is_looked_at(tmp_path: Path, where: str) -> None:
    root = project(tmp_path, bad=True)
    if where == "comment":
        file = root / ".github/workflows/ci.yml"
        file.write_text(BAD.replace("title }}", "title }} # zizmor: ignore[template-injection]"))
    else:
        (root / ".github/zizmor.yml").write_text("rules: {template-injection: {disable: true}}\n")
    assert zizmor(root) == 0
    assert "workflows.audit" in found(root, tmp_path)


TOX = """\
[tox]
no_package = true
env_list = a{more}
[testenv]
skip_install = true
allowlist_externals = *
"""
FAILS = 'commands = python -c "raise SystemExit(1)"\n'
PASSES = "commands = python -c pass\n"
RUFF = f"commands = {BIN / 'ruff'} check --no-cache {{flag}} bad.py\n"
NOT_HERE = ", missing\nskip_missing_interpreters = true"


def tox(root: Path, tmp_path: Path, *arguments: str) -> int:
    command = [sys.executable, "-m", "tox", "run", "-q", "--workdir", str(tmp_path / "tox")]
    done = subprocess.run([*command, *arguments], cwd=root, capture_output=True, check=False)
    return done.returncode


@pytest.mark.parametrize(
    ("more", "setting"),
    [
        ("", FAILS + "ignore_outcome = true\n"),
        ("", FAILS.replace("= ", "= - ")),
        ("", RUFF.format(flag="--exit-zero")),
        ("", RUFF.format(flag="-e")),
        (NOT_HERE, PASSES + "[testenv:missing]\nbase_python = python2.7\n"),
        ("", "platform = nowhere\n" + PASSES),
        ("", ""),
    ],
    ids=["ignored", "dash", "exit zero", "zero", "no interpreter", "platform", "no commands"],
)
def test_what_tox_passes_over_is_found(tmp_path: Path, more: str, setting: str) -> None:
    root = project(tmp_path)
    (root / "bad.py").write_text("import os\n")
    (root / "tox.ini").write_text(TOX.format(more=more) + setting)
    if setting.startswith("commands"):  # the others need no environment to be plain
        assert tox(root, tmp_path) == 0
    assert found(root, tmp_path) == {"workflows.tox-ignores"}


def test_environments_that_are_made_and_not_run_leave_no_record(tmp_path: Path) -> None:
    root = project(tmp_path)
    (root / "tox.ini").write_text(TOX.format(more="") + FAILS)
    (root / "policies").mkdir()
    (root / "policies/suites.toml").write_text("schema = 1\n[least]\nunit = 1\n")
    assert tox(root, tmp_path, "--notest") == 0
    with pytest.raises(NotEvaluated):
        SuitesGate().check(make_context(root, tmp_path / "work", own=False))


def test_other_things_beside_the_command_soften_nothing(tmp_path: Path) -> None:
    root = project(tmp_path)
    (root / "tox.ini").write_text(TOX.format(more="") + "commands = pytest {posargs:-n auto}\n")
    assert found(root, tmp_path) == set()
