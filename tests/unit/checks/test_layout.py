from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from checks.manifest import build_manifest

if TYPE_CHECKING:
    from pathlib import Path

HEAD = '[project]\nname = "parcel"\nversion = "1"\n'


def project(tmp_path: Path, pyproject: str, *files: str) -> Path:
    (tmp_path / "pyproject.toml").write_text(pyproject)
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("settings", "file"),
    [
        ("", "src/parcel/__init__.py"),
        ("", "parcel/__init__.py"),
        ("", "parcel.py"),
        ('[tool.hatch.build.targets.wheel]\npackages = ["lib/parcel"]\n', "lib/parcel/a.py"),
        ('[tool.setuptools]\npackages = ["parcel", "parcel.sub"]\n', "parcel/__init__.py"),
        ('[tool.setuptools.package-dir]\n"" = "lib"\n', "lib/parcel/__init__.py"),
        ('[tool.setuptools.packages.find]\nwhere = ["lib"]\n', "lib/parcel/__init__.py"),
        (
            '[tool.poetry]\npackages = [{ include = "parcel", from = "lib" }]\n',
            "lib/parcel/__init__.py",
        ),
        ('[tool.flit.module]\nname = "parcel"\n', "src/parcel.py"),
        ('[tool.pdm.build]\npackage-dir = "lib"\n', "lib/parcel/__init__.py"),
        ('[tool.maturin]\npython-source = "pysrc"\n', "pysrc/parcel/__init__.py"),
    ],
)
def test_every_back_ends_way_to_name_a_package(tmp_path: Path, settings: str, file: str) -> None:
    root = project(tmp_path, HEAD + settings, file, "tests/test_a.py", "docs/conf.py")
    manifest = build_manifest(root)
    assert manifest.packages == ("parcel",)
    assert manifest.shipped == {file}


def test_poetrys_own_table_gives_name_and_version(tmp_path: Path) -> None:
    text = '[tool.poetry]\nname = "parcel"\nversion = "2.5"\n'
    manifest = build_manifest(project(tmp_path, text, "parcel/__init__.py"))
    assert (manifest.name, manifest.version) == ("parcel", "2.5")


def test_a_folder_outside_of_the_project_is_never_followed(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    project(tmp_path, HEAD, "other/parcel/__init__.py")
    settings = '[tool.maturin]\npython-source = "../other"\n'
    manifest = build_manifest(project(inner, HEAD + settings, "parcel/__init__.py"))
    assert manifest.shipped == {"parcel/__init__.py"}
