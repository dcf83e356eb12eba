from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from checks_support import SHA, make_project

from checks.lock import read_lock
from checks.manifest import build_manifest
from checks.model import CouldNotRun

if TYPE_CHECKING:
    from pathlib import Path


def write(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("")


def test_a_src_project_with_lock_data_and_caches(tmp_path: Path) -> None:
    make_project(tmp_path)
    write(tmp_path, "src/parcel/py.typed", "src/parcel/__pycache__/x.pyc", "tests/test_a.py")
    lock = tmp_path / "policies/lock/runtime.txt"
    lock.parent.mkdir(parents=True)
    lock.write_text(f"Some_Thing==1.0 ; sys_platform == 'win32' \\\n    --hash=sha256:{SHA}\n")
    manifest = build_manifest(tmp_path)
    assert manifest.packages == ("parcel",)
    assert manifest.shipped == {"src/parcel/__init__.py", "src/parcel/py.typed"}
    assert manifest.python == {"src/parcel/__init__.py"}
    assert manifest.locked == {"some-thing": "1.0"}
    assert read_lock(lock, here=True) == {}


def test_a_foreign_flat_project_takes_the_package_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "Some-Lib"\ndynamic = ["version"]\n'
    )
    write(tmp_path, "some_lib/__init__.py", "tests/__init__.py", "other/__init__.py", "setup.py")
    manifest = build_manifest(tmp_path)
    assert manifest.packages == ("some_lib",)
    assert (manifest.version, manifest.lock) == ("dynamic", None)


def test_without_a_declaration_all_below_src_is_shipped(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "bus"\nversion = "1"\n')
    write(tmp_path, "src/bus/__init__.py", "src/aiohttp/__init__.py", "src/space/deep/part.py")
    assert build_manifest(tmp_path).packages == ("aiohttp", "bus", "space")


def test_crates_without_their_tests_and_build_output(tmp_path: Path) -> None:
    make_project(tmp_path)
    write(
        tmp_path,
        "crates/shield/Cargo.toml",
        "crates/shield/src/auth/jwt.rs",
        "crates/shield/src/tests/kept.rs",
        "crates/shield/tests/left_out.rs",
        "target/debug/made.rs",
        "loose.rs",
    )
    rust = build_manifest(tmp_path).rust
    assert rust == {"crates/shield/src/auth/jwt.rs", "crates/shield/src/tests/kept.rs"}


def test_a_workspace_does_not_double_or_add_members_tests(tmp_path: Path) -> None:
    make_project(tmp_path)
    write(
        tmp_path, "Cargo.toml", "crates/a/Cargo.toml", "crates/a/src/lib.rs", "crates/a/tests/t.rs"
    )
    assert build_manifest(tmp_path).rust == {"crates/a/src/lib.rs"}


@pytest.mark.parametrize("text", [None, "not = [toml", '[project]\nname = "empty"\n'])
def test_a_project_that_cannot_be_listed_could_not_run(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(CouldNotRun):
        build_manifest(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "a==1\n",
        f"a>=1 --hash=sha256:{SHA}\n",
        "-e .\n",
        f"a==1.* --hash=sha256:{SHA}\n",
        f"a==1 --hash=sha256:{SHA}\nA==2 --hash=sha256:{SHA}\n",
    ],
)
def test_a_lock_that_does_not_pin_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "lock.txt").write_text(text)
    with pytest.raises(CouldNotRun):
        read_lock(tmp_path / "lock.txt")
