"""A policy file that is read again: all of it or nothing, and never before it is put in force."""

from pathlib import Path

import pytest

from arqonbus.model.action import Action
from arqonbus.model.principal import Principal
from arqonbus.shield.access.file import FilePolicy
from arqonbus.shield.access.interface import AccessPolicy, AccessProblem

RULE = 'schema = 1\n[[rule]]\nid="r"\neffect="allow"\nsubjects=["*"]\nactions=["publish"]\n'
NARROW = RULE + 'rooms=["a"]\n'


def may(policy: AccessPolicy, room: str) -> bool:
    return policy.decide(Principal("x"), Action.PUBLISH, room, "c").allowed


def test_it_holds_once_it_is_called(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(NARROW)
    policy = FilePolicy(file)
    before = policy.epoch
    file.write_text(RULE)
    prepared = policy.prepare()
    assert prepared.weakened == ("rule r allows more than before: publish by subjects *",)
    assert (policy.epoch, may(policy, "b")) == (before, False)
    prepared()
    assert (policy.epoch, may(policy, "b")) == (prepared.epoch, True)
    assert policy.explain(Principal("x"), Action.PUBLISH, "b", "c").decision.rule == "r"


@pytest.mark.parametrize("content", ["", "schema = 1\n[[rule]]\n", RULE + "x = 1", "]"])
def test_a_broken_one_changes_nothing(tmp_path: Path, content: str) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(NARROW)
    policy = FilePolicy(file)
    before = policy.epoch
    file.write_text(content)
    with pytest.raises(AccessProblem):
        policy.prepare()
    assert (policy.epoch, may(policy, "a"), may(policy, "b")) == (before, True, False)


def test_one_that_is_gone_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(NARROW)
    policy = FilePolicy(file)
    file.unlink()
    with pytest.raises(AccessProblem, match="cannot be read"):
        policy.prepare()
    assert may(policy, "a")


def test_it_warns_of_what_is_hardly_meant(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(RULE)
    policy = FilePolicy(file)
    assert policy.warnings == ()
    file.write_text("schema = 1\n")
    prepared = policy.prepare()
    assert "nobody can ever do anything" in prepared.warnings[0]
    prepared()
    assert policy.warnings == prepared.warnings
