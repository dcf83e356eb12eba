"""The real build back end and real environments, on a project made up for the test."""

from __future__ import annotations

import subprocess
import zipfile
from typing import TYPE_CHECKING

import pytest
from checks_support import make_context, make_project

from checks.build import Builder, copy_source
from checks.environments import forget_unused, make_environment
from checks.gates.shadowing import ShadowingGate
from checks.model import CouldNotRun, Status
from checks.runner import run_gate

if TYPE_CHECKING:
    from pathlib import Path


def builder(project: Path, work: Path) -> Builder:
    return Builder(project, work, epoch=1_577_836_800, isolated=False)


def test_one_run_builds_once_and_two_runs_build_alike(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    first, second = builder(project, tmp_path / "a"), builder(project, tmp_path / "b")
    made = first()
    assert first() is made
    assert made.wheel.read_bytes() == second().wheel.read_bytes()
    with zipfile.ZipFile(made.wheel) as wheel:
        assert "parcel/__init__.py" in wheel.namelist()


def test_a_failed_build_names_the_error_and_fails_again_alike(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    text = (project / "pyproject.toml").read_text()
    (project / "pyproject.toml").write_text(text.replace("[tool", 'readme = "GONE.md"\n[tool'))
    build = builder(project, tmp_path / "work")
    for _ in range(2):
        with pytest.raises(CouldNotRun, match=r"Readme file does not exist: GONE\.md") as caught:
            build()
        assert caught.value.__notes__
    assert build.made is None


def test_a_checkout_is_copied_without_what_git_ignores(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    subprocess.run(["git", "init", "-q", str(project)], check=True)
    (project / ".gitignore").write_text("secret.txt\n")
    (project / "secret.txt").write_text("x")
    copy_source(project, tmp_path / "copy")
    assert (tmp_path / "copy/src/parcel/__init__.py").is_file()
    assert not (tmp_path / "copy/secret.txt").exists()
    assert not (tmp_path / "copy/.git").exists()


def test_an_environment_is_made_once_and_a_half_made_one_again(tmp_path: Path) -> None:
    context = make_context(make_project(tmp_path / "project"), tmp_path / "work")
    lock = tmp_path / "lock.txt"
    lock.write_text("# nothing is locked\n")
    python = make_environment(context, lock, name="empty")
    home = python.parent.parent
    made = (home / "pyvenv.cfg").stat().st_mtime_ns
    assert make_environment(context, lock, name="empty") == python
    assert (home / "pyvenv.cfg").stat().st_mtime_ns == made
    (home / "complete").unlink()
    python.unlink()
    assert make_environment(context, lock, name="empty").exists()
    used = (home / "complete").stat().st_mtime
    forget_unused(context.cache, used + 6 * 86_400)
    assert home.is_dir()
    forget_unused(context.cache, used + 8 * 86_400)
    assert not home.exists()


def test_the_shadowing_gate_judges_tree_wheel_and_specimens(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    build = builder(project, tmp_path / "built")
    context = make_context(project, tmp_path / "work", artifacts=build)
    result = run_gate(ShadowingGate(), context, without_specimens=())
    assert result.status is Status.PASSED, result.reason
    (project / "src/json.py").write_text("loads = None\n")
    result = run_gate(ShadowingGate(), context, without_specimens=())
    assert result.output is not None
    (finding,) = result.output.findings
    assert (finding.rule, str(finding.location and finding.location.path)) == (
        "shadowing.stdlib",
        "src/json.py",
    )
