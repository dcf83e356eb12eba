from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from checks_support import make_project

from checks.gates.shadowing import (
    DISTRIBUTION,
    IMPORT,
    STDLIB,
    UNEXPECTED,
    Taken,
    TopLevel,
    judge,
    own_names,
    source_top_levels,
    wheel_top_levels,
)
from checks.manifest import build_manifest

if TYPE_CHECKING:
    from pathlib import Path

TAKEN = Taken({"aiohttp": "aiohttp", "jwt": "pyjwt"}, frozenset({"dotenv", "aiohttp", "parcel"}))
OWN = frozenset({"parcel"})


@pytest.mark.parametrize(
    ("name", "rules"),
    [
        ("parcel", []),
        ("json", [STDLIB]),
        ("aiohttp", [DISTRIBUTION]),
        ("jwt", [DISTRIBUTION]),
        ("dotenv", [IMPORT]),
        ("sidecar", [UNEXPECTED]),
    ],
)
def test_one_name_gets_its_gravest_rule(name: str, rules: list[str]) -> None:
    assert [one.rule for one in judge([TopLevel(name, f"src/{name}.py")], TAKEN, OWN)] == rules


def test_the_own_name_is_no_excuse_for_a_distributions_name() -> None:
    (finding,) = judge([TopLevel("jwt", "src/jwt.py")], TAKEN, frozenset({"jwt"}))
    assert finding.rule == DISTRIBUTION


def test_a_stub_is_reported_with_file_and_line(tmp_path: Path) -> None:
    make_project(tmp_path)
    (tmp_path / "src/aiohttp").mkdir()
    (tmp_path / "src/aiohttp/__init__.py").write_text('"""Minimal aiohttp stub."""\n')
    tree = source_top_levels(tmp_path, build_manifest(tmp_path))
    (finding,) = judge(tree, TAKEN, own_names("parcel", [one.name for one in tree]))
    assert finding.location is not None
    assert (finding.location.path, finding.location.line) == ("src/aiohttp/__init__.py", 1)
    assert finding.snippet == '"""Minimal aiohttp stub."""'


def test_a_package_is_seen_though_the_build_configuration_leaves_it_out(tmp_path: Path) -> None:
    make_project(tmp_path)
    (tmp_path / "src/hidden").mkdir()
    (tmp_path / "src/hidden/mod.py").write_text("")
    names = {one.name for one in source_top_levels(tmp_path, build_manifest(tmp_path))}
    assert names == {"parcel", "hidden"}


def test_the_wheels_top_levels_count_data_folders_and_pth_files() -> None:
    members = [
        "parcel/__init__.py",
        "aiohttp/__init__.py",
        "parcel-1.0.dist-info/RECORD",
        "parcel-1.0.data/purelib/json.py",
        "parcel-1.0.data/scripts/run",
        "start.pth",
    ]
    found = wheel_top_levels(members, known={"parcel"})
    assert {one.name for one in found} == {"aiohttp", "json", "start.pth"}


@pytest.mark.parametrize(
    ("project", "names", "own"),
    [
        ("Some-Lib", ["some_lib", "x"], {"some_lib"}),
        ("PyJWT", ["jwt"], {"jwt"}),
        ("suite", ["a", "b"], set()),
    ],
)
def test_the_own_names(project: str, names: list[str], own: set[str]) -> None:
    assert own_names(project, names) == own
