"""What a principal may do is asked of the policy in force, and kept only while that is the same."""

from __future__ import annotations

import pytest

from arqonbus.model.action import Action
from arqonbus.model.principal import Principal
from arqonbus.shield.access.interface import Decision
from arqonbus.shield.permissions import KEPT, Guard, Permissions

ANN = Principal("ann", "acme")


class Asked:
    """Allows what it is given, and notes what it is asked."""

    warnings: tuple[str, ...] = ()

    def __init__(self, *allowed: Action, epoch: str = "one") -> None:
        self.epoch = epoch
        self.allowed = set(allowed)
        self.questions: list[tuple[str, Action, str, str]] = []

    def decide(self, principal: Principal, action: Action, room: str, channel: str) -> Decision:
        self.questions.append((principal.subject, action, room, channel))
        return Decision(action in self.allowed, "r", "it is so")


def test_a_question_is_asked_once() -> None:
    policy = Asked(Action.PUBLISH)
    ann = Permissions(Guard(policy, "ops"), ANN)
    first = ann.decide(Action.PUBLISH, "r", "c")
    assert first.allowed
    assert ann.decide(Action.PUBLISH, "r", "c") is first
    assert policy.questions == [("ann", Action.PUBLISH, "r", "c")]
    assert not ann.decide(Action.ADMIN).allowed
    assert policy.questions[1:] == [("ann", Action.ADMIN, "", "")]


def test_another_policy_is_asked_anew() -> None:
    guard = Guard(Asked(Action.PUBLISH), "ops")
    ann = Permissions(guard, ANN)
    assert ann.decide(Action.PUBLISH, "r", "c").allowed
    guard.policy = Asked(epoch="two")
    assert not ann.decide(Action.PUBLISH, "r", "c").allowed


def test_no_more_is_kept_than_may_be() -> None:
    policy = Asked()
    ann = Permissions(Guard(policy, "ops"), ANN)
    for number in range(KEPT):
        ann.decide(Action.PUBLISH, "r", str(number))
    ann.decide(Action.PUBLISH, "r", "0")
    assert len(policy.questions) == KEPT + 1


@pytest.mark.parametrize("action", list(Action))
def test_a_channel_is_seen_by_whoever_may_do_anything_to_it(action: Action) -> None:
    ann = Permissions(Guard(Asked(action), "ops"), ANN)
    assert ann.sees("r", "c") is action.has_address
