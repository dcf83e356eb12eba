"""What other projects' locks and checkouts showed: pins without extras, versions out of tags."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
from checks_support import make_context, make_project

from checks.build import copy_history, copy_source
from checks.environments import make_environment, site_of
from checks.locks.pins import Pin
from checks.model import CouldNotRun
from checks.wheels.packing import describe, pack

if TYPE_CHECKING:
    from pathlib import Path


def git(project: Path, *arguments: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    command = ["git", "-C", str(project), *who, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def wheel(folder: Path, name: str, *needs: str) -> Pin:
    metadata = {"Requires-Dist": needs[0]} if needs else {}
    path = pack(describe({"name": name, "metadata": metadata}), folder)
    return Pin(name, "1.0", (f"sha256:{sha256(path.read_bytes()).hexdigest()}",), here=True)


def test_a_copy_that_is_built_has_the_checkouts_tags(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    git(project, "init", "-q")
    git(project, "add", "-A")
    git(project, "commit", "-qm", "one")
    git(project, "tag", "v1.5")
    (project / "new.txt").touch()
    copy = tmp_path / "copy"
    copy_history(project, copy)
    copy_source(project, copy)
    assert git(copy, "describe", "--tags") == "v1.5"
    assert git(copy, "status", "--porcelain") == "?? new.txt"


def test_a_tree_without_history_is_copied_without(tmp_path: Path) -> None:
    copy_history(make_project(tmp_path / "project"), tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_a_history_that_git_cannot_copy_is_told(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    (project / ".git").write_text("gitdir: /nowhere\n")
    with pytest.raises(CouldNotRun, match="copy the history"):
        copy_history(project, tmp_path / "copy")


def test_a_pin_without_the_extra_that_another_wants_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    base, user = wheel(tmp_path / "index", "base"), wheel(tmp_path / "index", "user", "base[more]")
    plain = make_context(make_project(tmp_path / "project"), tmp_path / "work")
    context = replace(plain, manifest=replace(plain.manifest, lock="uv.lock"))
    lock = tmp_path / "lock.txt"
    lock.write_text(user.line())
    with pytest.raises(CouldNotRun, match=r"not whole: user 1\.0 requires base, which"):
        make_environment(context, lock, name="small")
    lock.write_text(base.line() + user.line())
    site = site_of(make_environment(context, lock, name="small"))
    assert {one.name for one in site.glob("*-1.0.dist-info")} == {
        "base-1.0.dist-info",
        "user-1.0.dist-info",
    }
