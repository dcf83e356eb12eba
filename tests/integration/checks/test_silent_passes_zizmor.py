"""Ways in which zizmor and tox pass without having looked, in the real tools; our gate fails."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from checks_support import make_context, make_project

from checks.gates.workflows import WorkflowsGate
from checks.model import CouldNotRun

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


TOX = "[tox]\nno_package = true\nenv_list = a\n[testenv]\nskip_install = true\n"


@pytest.mark.parametrize(
    "setting",
    [
        'commands = python -c "raise SystemExit(1)"\nignore_outcome = true\n',
        'commands = - python -c "raise SystemExit(1)"\n',
        "platform = nowhere\ncommands = python -c pass\n",
        "",
    ],
    ids=["ignore_outcome", "dash", "platform", "no commands"],
)
def test_what_tox_passes_over_is_found(tmp_path: Path, setting: str) -> None:
    root = project(tmp_path)
    (root / "tox.ini").write_text(TOX + setting)
    if setting.startswith("commands"):  # the others need no environment to be plain
        done = subprocess.run(
            [sys.executable, "-m", "tox", "run", "-q", "--workdir", str(tmp_path / "tox")],
            cwd=root,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
    assert found(root, tmp_path) == {"workflows.tox-ignores"}


def test_other_things_beside_the_command_soften_nothing(tmp_path: Path) -> None:
    root = project(tmp_path)
    (root / "tox.ini").write_text(TOX + "commands = pytest {posargs:-n auto}\n")
    assert found(root, tmp_path) == set()
