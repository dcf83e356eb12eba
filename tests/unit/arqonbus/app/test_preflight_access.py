"""A policy file that is missing or wrong stops the start, with every problem of it."""

from pathlib import Path

import pytest

from arqonbus.app.access import access_policy
from arqonbus.app.preflight import problems
from arqonbus.config.model import Settings
from arqonbus.shield.access.builtin import ClosedPolicy, OpenPolicy
from arqonbus.shield.access.file import FilePolicy
from arqonbus.shield.access.interface import AccessProblem

SECRET = "kP4vX9sQ2mT7wZ1rB6nY3cL8dF5gH0jA"
SOUND = 'schema = 1\n[[rule]]\nid="r"\neffect="allow"\nsubjects=["*"]\nactions=["publish"]\n'


def settings(folder: Path, file: Path | None, auth: dict[str, str]) -> Settings:
    return Settings.model_validate(
        {"data_dir": folder, "auth": auth, "access": {"policy_file": file}}
    )


@pytest.mark.parametrize("auth", [{}, {"secret": SECRET}])
def test_every_problem_of_the_file(tmp_path: Path, auth: dict[str, str]) -> None:
    file = tmp_path / "policy.toml"
    file.write_text("a = 1\nb = 2\n")
    found = problems(settings(tmp_path, file, auth), {})
    assert len(found) == 3
    assert all(it.startswith(f"access.policy_file: {file}: ") for it in found)
    assert problems(settings(tmp_path, tmp_path / "absent", auth), {}) == [
        f"access.policy_file: {tmp_path / 'absent'} cannot be read: No such file or directory"
    ]
    file.write_text(SOUND)
    assert problems(settings(tmp_path, file, auth), {}) == []


def test_which_policy_decides(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    assert isinstance(access_policy(settings(tmp_path, None, {})), OpenPolicy)
    assert isinstance(access_policy(settings(tmp_path, None, {"secret": SECRET})), ClosedPolicy)
    with pytest.raises(AccessProblem):
        access_policy(settings(tmp_path, file, {}))
    file.write_text(SOUND)
    assert isinstance(access_policy(settings(tmp_path, file, {})), FilePolicy)
