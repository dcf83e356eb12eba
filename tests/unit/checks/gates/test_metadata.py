from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from checks_support import ROOT, make_context, make_project
from readme_renderer import markdown

from checks.build import Builder
from checks.gates.metadata import VERSION, MetadataGate, judge, version
from checks.manifest import read_pyproject
from checks.metadata.said import Said
from checks.model import CouldNotRun

GOOD = ROOT / "policies/specimens/metadata/invalid/good_whole"


def said(**changes: object) -> Said:
    document = read_pyproject(GOOD)
    head = document["project"]
    assert isinstance(head, dict)
    return Said(GOOD, {**document, "project": {**head, **changes}})


def test_a_whole_project_says_nothing_wrong() -> None:
    assert list(judge(said())) == []


@pytest.mark.parametrize("spelt", ["1.0", "1.0.0", "v1.0"])
def test_equal_versions_may_be_spelt_otherwise(spelt: str) -> None:
    assert list(version(said(version=spelt))) == []


def test_a_version_that_the_build_decides_is_held_against_the_tag(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    for command in (
        ["init", "-q"],
        ["add", "-A"],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "a"],
        ["tag", "v2.0"],
    ):
        subprocess.run(["git", *command], cwd=project, check=True)
    builder = Builder(project, tmp_path / "built", epoch=1_577_836_800, isolated=False)
    context = make_context(project, tmp_path / "work", artifacts=builder)
    found = MetadataGate().check(context).findings
    assert [one.message for one in found if one.rule == VERSION] == [
        "the commit is tagged v2.0, the version is 1.0"
    ]


def test_without_a_renderer_nothing_is_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(markdown, "variants", {})
    with pytest.raises(CouldNotRun, match="no renderer"):
        list(judge(said()))
