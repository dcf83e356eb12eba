from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pytest

from checks.manifest import Manifest
from checks.model import CouldNotRun
from checks.wheels import contents
from checks.wheels.archive import read_wheel
from checks.wheels.packing import base_members, describe, pack

if TYPE_CHECKING:
    from pathlib import Path

SHIPPED = {member: f"src/{member}" for member in base_members("example")}
EXPECTED = contents.Expected("example", "1.0", ("example",), SHIPPED)


def test_a_test_in_the_wheel_is_found_at_its_source_file(tmp_path: Path) -> None:
    member = "example/test_part.py"
    wheel = read_wheel(pack(describe({"members": {member: ""}}), tmp_path))
    shipped = SHIPPED | {member: f"src/{member}"}
    expected = contents.Expected("example", "1.0", ("example",), shipped)
    (finding,) = contents.test_files(wheel, expected)
    assert finding.rule == "wheel.test-file"
    assert finding.location is not None
    assert finding.location.path == "src/example/test_part.py"


def test_the_manifest_tells_members_by_the_nearest_root() -> None:
    manifest = Manifest(
        name="example",
        version="1.0",
        packages=("example",),
        package_roots=(PurePosixPath(), PurePosixPath("src")),
        shipped=frozenset({"src/example/__init__.py"}),
        python=frozenset(),
        rust=frozenset(),
        lock=None,
        locked={},
    )
    assert contents.expected_of(manifest).shipped == {
        "example/__init__.py": "src/example/__init__.py"
    }


def test_a_second_package_is_foreign_though_the_build_lists_it() -> None:
    manifest = Manifest(
        name="example",
        version="1.0",
        packages=("aiohttp", "example"),
        package_roots=(PurePosixPath("src"),),
        shipped=frozenset({"src/aiohttp/__init__.py", "src/example/__init__.py"}),
        python=frozenset(),
        rust=frozenset(),
        lock=None,
        locked={},
    )
    assert contents.expected_of(manifest).packages == ("example",)


@pytest.mark.parametrize("gone", ["METADATA", "WHEEL"])
def test_a_wheel_without_its_metadata_is_not_judged(tmp_path: Path, gone: str) -> None:
    path = pack(describe({"remove": [f"example-1.0.dist-info/{gone}"]}), tmp_path)
    if gone == "METADATA":
        with pytest.raises(CouldNotRun, match=gone):
            read_wheel(path)
    else:
        assert list(contents.record(read_wheel(path), EXPECTED)) == []


def test_what_is_no_wheel_could_not_be_judged(tmp_path: Path) -> None:
    (tmp_path / "x.whl").write_bytes(b"PK?")
    with pytest.raises(CouldNotRun, match="can't be read"):
        read_wheel(tmp_path / "x.whl")


def test_a_description_with_a_misspelt_key_is_refused() -> None:
    with pytest.raises(CouldNotRun, match="member"):
        describe({"member": {}})
