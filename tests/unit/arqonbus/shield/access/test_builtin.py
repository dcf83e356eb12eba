"""What decides without a file."""

import pytest

from arqonbus.model.action import Action
from arqonbus.model.principal import ANONYMOUS, Principal
from arqonbus.shield.access.builtin import ClosedPolicy, OpenPolicy
from arqonbus.shield.access.interface import AccessPolicy


@pytest.mark.parametrize("action", list(Action))
def test_open_is_everything_but_to_administer(action: Action) -> None:
    rules: AccessPolicy = OpenPolicy()
    assert rules.decide(ANONYMOUS, action, "a", "b").allowed is (action is not Action.ADMIN)
    assert rules.warnings == ()


@pytest.mark.parametrize("action", list(Action))
def test_closed_is_nothing_and_says_what_to_do(action: Action) -> None:
    rules: AccessPolicy = ClosedPolicy()
    decision = rules.decide(Principal("alice"), action, "a", "b")
    assert not decision.allowed
    assert "access.policy_file" in decision.why
    assert "access.policy_file" in rules.warnings[0]


def test_their_versions_differ() -> None:
    assert OpenPolicy().epoch != ClosedPolicy().epoch
