from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from checks.manifest import build_manifest
from checks.model import CouldNotRun

if TYPE_CHECKING:
    from pathlib import Path

CONFIGURED = """
[metadata]
name = parcel
version = {version}
[options]
packages = find:
package_dir =
    = lib
[options.packages.find]
where = lib
"""


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize(
    ("call", "file"),
    [
        ("setup(name='parcel', version='2', py_modules=['mail'])", "mail.py"),
        ("setuptools.setup(name=N, version='2', packages=find_packages())", "parcel/__init__.py"),
        ("setup(name=N, version='2', packages=find_packages(where='lib'))", "lib/mail/part.py"),
        ("setup(name=N, version='2', packages=find_packages('lib'))", "lib/mail/part.py"),
        ("setup(name=N, version='2', package_dir={'': 'lib'}, packages=['mail'])", "lib/mail/a.py"),
    ],
    ids=["module", "by its name", "found in a folder", "found there, shorter", "one by one"],
)
def test_setup_py_is_read_and_not_run(tmp_path: Path, call: str, file: str) -> None:
    text = f"N = 'parcel'\nraise SystemExit\n{call}\n"
    manifest = build_manifest(tree(tmp_path, {"setup.py": text, file: ""}))
    assert (manifest.name, manifest.version) == ("parcel", "2")
    assert manifest.shipped == {file}
    assert manifest.doubts == ()


@pytest.mark.parametrize(
    ("version", "known"), [("1.5", "1.5"), ("attr: parcel.__version__", "dynamic")]
)
def test_setup_cfg_is_read(tmp_path: Path, version: str, known: str) -> None:
    files = {"setup.cfg": CONFIGURED.format(version=version), "lib/mail/__init__.py": ""}
    manifest = build_manifest(tree(tmp_path, files))
    assert (manifest.name, manifest.version, manifest.packages) == ("parcel", known, ("mail",))


def test_pyproject_counts_before_setup_cfg(tmp_path: Path) -> None:
    files = {
        "pyproject.toml": '[project]\nname = "other"\nversion = "3"\n',
        "setup.cfg": CONFIGURED.format(version="1"),
        "lib/mail/__init__.py": "",
    }
    manifest = build_manifest(tree(tmp_path, files))
    assert (manifest.name, manifest.version, manifest.packages) == ("other", "3", ("mail",))


def test_what_another_back_end_does_not_read_says_nothing(tmp_path: Path) -> None:
    files = {
        "pyproject.toml": '[build-system]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "parcel"\nversion = "3"\n',
        "setup.cfg": CONFIGURED.format(version="1"),
        "lib/mail/__init__.py": "",
        "parcel/__init__.py": "",
    }
    assert build_manifest(tree(tmp_path, files)).packages == ("parcel",)


def test_what_had_to_be_guessed_is_said(tmp_path: Path) -> None:
    files = {"setup.py": "setup(name=f())", "mail/__init__.py": "", "post/__init__.py": ""}
    manifest = build_manifest(tree(tmp_path, files))
    assert manifest.packages == ("mail", "post")
    assert [one.partition(":")[0] for one in manifest.doubts] == [
        "no file says the project's name",
        "no setting and no name says what is shipped",
    ]


@pytest.mark.parametrize("name", ["setup.py", "setup.cfg"])
def test_a_file_that_can_not_be_read_could_not_run(tmp_path: Path, name: str) -> None:
    with pytest.raises(CouldNotRun, match=name):
        build_manifest(tree(tmp_path, {name: "setup(", "parcel/__init__.py": ""}))
