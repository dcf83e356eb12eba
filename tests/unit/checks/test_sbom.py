from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest
from checks_support import ROOT

from checks.cli import main
from checks.lock import read_lock
from checks.model import CouldNotRun
from checks.sbom import listed, pinned, render_sbom, sbom_path

if TYPE_CHECKING:
    from pathlib import Path

GOOD = ROOT / "policies/specimens/sbom/stale/good_same"


def test_the_locks_comments_say_who_asks_for_whom() -> None:
    one, two = pinned((GOOD / "policies/lock/runtime.txt").read_text())
    assert (one.name, one.version, len(one.hashes)) == ("one", "1.0", 2)
    assert one.via == frozenset({"parcel", "two"})
    assert two.via == frozenset({"parcel"})


def test_every_distribution_and_hash_of_our_own_lock_is_in_it() -> None:
    text = render_sbom(ROOT)
    lock = (ROOT / "policies/lock/runtime.txt").read_text()
    components = listed(text)
    assert {name: version for name, (version, _) in components.items()} == read_lock(
        ROOT / "policies/lock/runtime.txt"
    )
    assert sum(len(hashes) for _, hashes in components.values()) == lock.count("--hash=")
    graph = {one["ref"]: one.get("dependsOn", []) for one in json.loads(text)["dependencies"]}
    assert any(ref.startswith("pkg:pypi/aiohttp@") for ref in graph["root"])
    reached, todo = set[str](), ["root"]
    while todo:
        todo += [one for one in graph[todo.pop()] if one not in reached and not reached.add(one)]  # type: ignore[func-returns-value]  # adding is the point
    assert len(reached) == len(components)


def test_the_same_lock_gives_the_same_bytes_in_another_place(tmp_path: Path) -> None:
    shutil.copytree(GOOD, tmp_path / "a much longer name")
    assert render_sbom(GOOD) == render_sbom(tmp_path / "a much longer name")
    other = tmp_path / "other"
    shutil.copytree(GOOD, other)
    (other / "pyproject.toml").write_text('[project]\nname = "parcel"\nversion = "1.1"\n')
    serials = {json.loads(render_sbom(one))["serialNumber"] for one in (GOOD, other)}
    assert len(serials) == 2


def test_a_lock_whose_comments_name_a_stranger_is_refused(tmp_path: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(GOOD, project)
    lock = project / "policies/lock/runtime.txt"
    lock.write_text(lock.read_text().replace("#   two", "#   three"))
    with pytest.raises(CouldNotRun, match="three asks for one"):
        render_sbom(project)


def test_without_a_lock_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "parcel"\nversion = "1.0"\n')
    with pytest.raises(CouldNotRun, match="needs a runtime lock"):
        render_sbom(tmp_path)


def test_the_command_writes_it(tmp_path: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(GOOD, project)
    (project / "src/parcel").mkdir(parents=True)
    (project / "src/parcel/__init__.py").touch()
    assert main(["sbom", "--project", str(project)]) == 0
    assert (project / sbom_path("parcel")).read_text() == render_sbom(project)
