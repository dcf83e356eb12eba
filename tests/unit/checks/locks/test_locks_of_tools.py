"""Locks that uv and poetry wrote, each for the same project; only the hosts' names are changed.

The project needs click and zipp, its extra `more` h11, colorama (on Windows) and tomli (on old
Pythons), and its development iniconfig.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
from checks_support import SHA, make_context, make_project

from checks.lock import load_lock
from checks.locks.pins import Pin
from checks.manifest import build_manifest
from checks.model import CouldNotRun, NotApplicable
from checks.wheels.packing import describe, pack

WRITTEN = Path(__file__).parent / "written"
ANYWHERE = {"click", "zipp", "h11", "colorama", "tomli"}
OLD = {("click", "8.1.8"), ("zipp", "3.23.1")}


def project_with(tmp_path: Path, file: str, *changes: tuple[str, str]) -> Path:
    """Make a project with a lock in which some text is another; each must be there."""
    project = make_project(tmp_path / "project")
    text = (WRITTEN / file).read_text("utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (project / file).write_text(text, "utf-8")
    return project


@pytest.mark.parametrize(
    ("file", "others"), [("uv.lock", OLD), ("pylock.toml", OLD), ("poetry.lock", set())]
)
def test_what_the_project_and_its_extras_need_is_locked(
    tmp_path: Path, file: str, others: set[tuple[str, str]]
) -> None:
    manifest = build_manifest(project_with(tmp_path, file))
    assert (manifest.lock, set(manifest.locked)) == (file, ANYWHERE)
    assert manifest.others == others
    assert any(file in one for one in manifest.doubts)


@pytest.mark.parametrize("file", ["uv.lock", "pylock.toml", "poetry.lock"])
def test_it_is_said_in_the_form_that_pip_takes(tmp_path: Path, file: str) -> None:
    text = load_lock(project_with(tmp_path, file), file).requirements
    assert text.count("==") == text.count("\n") - text.count("    --hash=sha256:")
    assert "\nh11==0.16.0 \\\n    --hash=sha256:4e35b956" in text
    assert "\ntomli==2.0.1 ; python_version < '0' \\\n    --hash=sha256:" in text


def test_gates_are_given_it_as_a_file(tmp_path: Path) -> None:
    project = project_with(tmp_path, "uv.lock")
    context = make_context(project, tmp_path / "work", own=False)
    path = context.lock_file()
    assert path.read_text("utf-8") == context.manifest.requirements
    assert path == context.lock_file()
    assert not list(project.glob("*.txt"))


@pytest.mark.parametrize(
    ("file", "change", "said"),
    [
        ("uv.lock", ("version = 1\n", "version = 2\n"), "version 2 is unknown"),
        ("uv.lock", ('editable = "."', 'editable = "part"'), "0 projects"),
        ("uv.lock", ('{ name = "h11" }', '{ name = "gone" }'), "0 packages gone"),
        ("uv.lock", ("revision = 5", "conflicts = [[]]"), "together"),
        ("uv.lock", ("hash = ", "hush = "), "has no SHA-256"),
        ("uv.lock", ("sha256:", "md5:"), "has no SHA-256"),
        ("uv.lock", ('"0.16.0"\nsource = { registry', '"1"\nsource = { git'), "but from git"),
        ("uv.lock", ('">=3.9"', '">=9"'), "it is for Python >=9"),
        ("uv.lock", ("sys_platform ==", "platform of"), "is no marker"),
        ("uv.lock", ("name = ", "nome = "), "its form"),
        ("poetry.lock", ('"2.1"', '"2.0"'), "lock-version 2.0 is unknown"),
        ("poetry.lock", ('"legacy"', '"git"'), "comes from no index, but from git"),
        ("poetry.lock", ("sha256:", "md5:"), "has no SHA-256"),
        ("poetry.lock", ("groups = ", "group = "), "its form"),
        ("poetry.lock", ("[metadata]", "[meta]"), "lock-version None is unknown"),
        ("pylock.toml", ('"1.0"', '"1.1"'), "lock-version 1.1 is unknown"),
        ("pylock.toml", ("sha256 = ", "md5 = "), "has no SHA-256"),
        ("pylock.toml", ('created-by = "uv"', ""), "created-by"),
        ("pylock.toml", ('requires-python = ">=3.9"', 'requires-python = ">=9"'), "for Python"),
        ("pylock.toml", ('version = "0.16.0"\n', ""), "h11 has no version"),
    ],
)
def test_what_is_not_understood_is_told_and_nothing_is_judged_by_it(
    tmp_path: Path, file: str, change: tuple[str, str], said: str
) -> None:
    project = project_with(tmp_path, file, change)
    context = make_context(project, tmp_path / "work", own=False)
    assert (context.manifest.lock, context.manifest.locked) == (None, {})
    assert any(said in one for one in context.manifest.doubts)
    with pytest.raises(CouldNotRun, match="can't be taken for the lock"):
        context.lock_file()


@pytest.mark.parametrize("file", ["uv.lock", "pylock.toml", "poetry.lock"])
def test_a_lock_that_is_no_toml_is_told(tmp_path: Path, file: str) -> None:
    project = make_project(tmp_path / "project")
    (project / file).write_text("this is = = no lock")
    assert "can't be read" in build_manifest(project).lock_problem


def declare(project: Path, *needs: str) -> None:
    text = (project / "pyproject.toml").read_text("utf-8")
    listed = ", ".join(f'"{one}"' for one in needs)
    changed = text.replace("[project]\n", f"[project]\ndependencies = [{listed}]\n")
    (project / "pyproject.toml").write_text(changed, "utf-8")


def test_a_lock_older_than_what_is_declared_is_told(tmp_path: Path) -> None:
    project = project_with(tmp_path, "uv.lock")
    declare(project, "click>=8", "new-one", "elsewhere; python_version < '3'", "parcel[more]")
    assert "does not know new-one, which" in build_manifest(project).lock_problem


def test_what_only_a_group_brings_is_left_out_of_a_pylock(tmp_path: Path) -> None:
    mine = ("marker = \"sys_platform == 'win32'\"", "marker = \"'dev' in dependency_groups\"")
    head = ('created-by = "uv"', 'created-by = "uv"\ndependency-groups = ["dev", "main"]')
    usual = (head[0], f'{head[1]}\ndefault-groups = ["main"]')
    both = ("marker = \"python_full_version < '3.11'\"", "marker = \"'main' in dependency_groups\"")
    manifest = build_manifest(project_with(tmp_path, "pylock.toml", mine, usual, both))
    assert set(manifest.locked) == ANYWHERE - {"colorama"}
    assert "tomli==2.0.1 \\" in manifest.requirements


def test_the_extras_of_a_pylock_are_wanted(tmp_path: Path) -> None:
    head = ('created-by = "uv"', 'created-by = "uv"\nextras = ["more"]')
    extra = ("marker = \"python_full_version < '3.11'\"", "marker = \"'more' in extras\"")
    manifest = build_manifest(project_with(tmp_path, "pylock.toml", head, extra))
    assert "tomli==2.0.1 \\" in manifest.requirements


def test_an_extra_of_a_dependency_brings_what_it_names(tmp_path: Path) -> None:
    plain = '{ name = "h11" }'
    edge = '{ name = "h11", extra = ["fast"] }'
    block = '[package.optional-dependencies]\nfast = [{ name = "iniconfig", version = "2.3.1" }]\n'
    h11 = ('\n[[package]]\nname = "iniconfig"\nversion = "2.1.0"', f'\n{block}\n[[package]]\n'
           'name = "iniconfig"\nversion = "2.1.0"')  # fmt: skip
    manifest = build_manifest(project_with(tmp_path, "uv.lock", (plain, edge), h11))
    assert manifest.locked["iniconfig"] == "2.3.1"


def test_a_lock_without_anything_to_ship_with_is_of_no_use(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    root = '[[package]]\nname = "parcel"\nversion = "1.0"\nsource = { virtual = "." }\n'
    (project / "uv.lock").write_text(f'version = 1\nrequires-python = ">=3.9"\n{root}')
    context = make_context(project, tmp_path / "work", own=False)
    with pytest.raises(NotApplicable, match=r"uv\.lock names nothing"):
        context.lock_file()
    assert context.lock_file(empty=True).read_text("utf-8") == ""


def test_the_known_place_comes_before_a_tools_lock(tmp_path: Path) -> None:
    project = project_with(tmp_path, "uv.lock")
    (project / "policies/lock").mkdir(parents=True)
    shutil.copy(Path(__file__).parents[4] / "policies/lock/runtime.txt", project / "policies/lock")
    assert build_manifest(project).lock == "policies/lock/runtime.txt"


def test_pip_takes_the_form_with_its_hashes(tmp_path: Path) -> None:
    wheel = pack(describe({"name": "parcel"}), tmp_path / "index")
    digest = sha256(wheel.read_bytes()).hexdigest()
    lines = [Pin("parcel", "1.0", (f"sha256:{digest}",), here=True).line()]
    lines.append(Pin("gone", "1", (f"sha256:{SHA}",), here=False).line())
    (tmp_path / "lock.txt").write_text("".join(lines))
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-index", "--no-deps"]
    given = ["--find-links", str(wheel.parent), "--require-hashes", "-r", "lock.txt"]
    done = subprocess.run(
        [*command, *given], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "Would install parcel-1.0\n" in done.stdout
