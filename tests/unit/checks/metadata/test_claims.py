from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from mypy.defaults import PYTHON3_VERSION_MIN

from checks.metadata.pythons import pythons
from checks.metadata.readme import readme
from checks.metadata.said import Said

if TYPE_CHECKING:
    from pathlib import Path


def said(folder: Path, head: dict[str, object], mypy: str | None = None) -> Said:
    tool = {"mypy": {"python_version": mypy}} if mypy else {}
    return Said(folder, {"project": head, "tool": tool})


@pytest.mark.parametrize(
    ("wanted", "judged", "right"),
    [
        (">=3.11", "3.11", True),
        (">=3.11", "3.12", False),
        (">=3.11", "3.10", False),
        (">=3.11.4,<3.14", "3.11", True),
        # Too old for mypy: by its own oldest, or as an older mypy was told.
        (">=3.6", f"3.{PYTHON3_VERSION_MIN[1]}", True),
        (">=3.6", "3.6", True),
        (">=3.6", "3.13", False),
    ],
)
def test_mypy_judges_by_the_oldest_python(
    tmp_path: Path, wanted: str, judged: str, right: bool
) -> None:
    assert (not list(pythons(said(tmp_path, {"requires-python": wanted}, judged)))) is right


def test_tox_and_the_classifiers_name_the_same_pythons_both_ways(tmp_path: Path) -> None:
    (tmp_path / "tox.toml").write_text('env_list = ["3.11", "3.13"]\n')
    classifiers = [f"Programming Language :: Python :: {one}" for one in ("3.11", "3.12")]
    head: dict[str, object] = {"requires-python": ">=3.11", "classifiers": classifiers}
    assert [
        (one.message, one.location and one.location.path) for one in pythons(said(tmp_path, head))
    ] == [
        ("tox tests Python 3.13, which no classifier names", "tox.toml"),
        ("a classifier names Python 3.12, which tox does not test", "tox.toml"),
    ]


def test_an_rst_readme_that_does_not_render_says_why(tmp_path: Path) -> None:
    (tmp_path / "README.rst").write_text("Parcel\n======\n\n:nosuchrole:`x`\n")
    (finding,) = readme(said(tmp_path, {"readme": "README.rst"}))
    assert "nosuchrole" in finding.message
    assert str(tmp_path) not in finding.message


@pytest.mark.parametrize(
    ("value", "right"),
    [
        ({"file": "README", "content-type": "text/x-rst"}, False),
        ({"file": "README", "content-type": "text/plain"}, True),
        ({"text": ":nosuchrole:`x`", "content-type": "text/x-rst; charset=UTF-8"}, False),
        ({"text": "", "content-type": "text/markdown"}, False),
        ({"text": "*words*", "content-type": "text/markdown"}, True),
        ("README", True),
        (None, True),
    ],
)
def test_the_type_that_is_said_decides_how_it_renders(
    tmp_path: Path, value: object, right: bool
) -> None:
    (tmp_path / "README").write_text(":nosuchrole:`x`\n")
    assert (not list(readme(said(tmp_path, {"readme": value})))) is right
