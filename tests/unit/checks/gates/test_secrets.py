from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from checks_support import ROOT, make_context, make_project

from checks.context import Artifacts
from checks.gates.secrets import SecretsGate
from checks.model import CouldNotRun
from checks.policyfile import PolicyError
from checks.secrets.detect import detect, readable
from checks.secrets.policy import read_demands

KEY = "KEY = '" + "AKIA" + "QYLPMN5HHHFPZAM2" + "'\n"


def wheel(folder: Path, **members: str) -> Artifacts:
    path = folder / "parcel-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(f"parcel/{name}.py", text)
    return Artifacts(path, path)


def test_the_tree_and_the_wheel_are_looked_at_and_nothing_is_given_away(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    (project / "notes.txt").write_text(KEY)
    (project / "logo.png").write_bytes(b"\x89PNG\xff\x00")
    made = wheel(tmp_path, hidden=KEY)
    context = make_context(project, tmp_path / "work", own=False, artifacts=lambda: made)
    output = SecretsGate().check(context)
    found = {(one.rule, one.location.path if one.location else "") for one in output.findings}
    assert found == {("secrets.in-tree", "notes.txt"), ("secrets.in-wheel", "parcel/hidden.py")}
    assert output.scopes[0].skipped == {"logo.png": "it holds no text"}
    assert not any(scope.missed for scope in output.scopes)
    assert KEY[7:20] not in repr(output)


def test_a_file_that_can_not_be_read_is_no_answer(tmp_path: Path) -> None:
    with pytest.raises(CouldNotRun, match="gone can't be read"):
        readable(tmp_path, ["gone"])


def test_the_same_secret_in_two_files_has_two_marks(tmp_path: Path) -> None:
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text(KEY)
    seen, _ = detect(tmp_path, ["a.py", "b.py"], tmp_path / "work")
    assert len({one.mark for one in seen}) == 2


@pytest.mark.parametrize(
    "text",
    [
        "",
        "schema = 1\n",
        "schema = 1\nall_needed = 1\n",
        'schema = 1\nall_needed = true\n[[skip]]\npath = "a"\n',
        'schema = 1\nall_needed = true\n[[allow]]\npath = "a"\nwhy = "w"\n',
        'schema = 1\nall_needed = true\n[[allow]]\npath = "a"\nwhy = "w"\nkinds = [1]\n',
        'schema = 1\nall_needed = true\n[[allow]]\npath = ""\nwhy = "w"\nkinds = ["X"]\n',
    ],
)
def test_a_policy_that_is_wrong_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "secrets.toml"
    file.write_text(text)
    with pytest.raises(PolicyError):
        read_demands(file)


def test_the_starter_is_a_policy() -> None:
    assert not read_demands(ROOT / "policies/starter/secrets.toml").all_needed
