from __future__ import annotations

import pytest

from arqonbus.errors import ArqonBusError, ErrorCode
from arqonbus.gateway.member import Member
from arqonbus.model.action import Action
from arqonbus.model.address import Address
from arqonbus.model.durability import Durability
from arqonbus.model.principal import Principal
from arqonbus.routing.hub import Hub
from arqonbus.shield.access.interface import Decision
from arqonbus.shield.permissions import Guard


class Only:
    """Allows what is listed, and counts how often it was asked."""

    epoch = "only"
    warnings: tuple[str, ...] = ()

    def __init__(self, *allowed: tuple[Action, str]) -> None:
        self.allowed = allowed
        self.asked = 0

    def decide(self, principal: Principal, action: Action, room: str, channel: str) -> Decision:
        del principal, channel
        self.asked += 1
        return Decision(allowed=(action, room) in self.allowed, rule="r", why="the list says so")


def hub() -> Hub:
    return Hub(Durability.DISK, max_channels=10, auto_create=True)


def member(policy: Only, hub: Hub, tenant: str = "acme") -> Member:
    return Member(Principal("ann", tenant), Guard(policy, "operators"), hub)


BOTH = ((Action.PUBLISH, "r"), (Action.CREATE, "r"))


def test_a_target_is_decided_once_and_known_by_the_clients_own_names() -> None:
    policy, where = Only(*BOTH), hub()
    ann = member(policy, where)
    channel = ann.target("r", "c")
    assert channel.address == ("acme/r", "c")
    assert ann.targets == {("r", "c"): channel}
    asked = policy.asked
    assert ann.target("r", "c") is channel
    assert policy.asked == asked


def test_the_same_name_leads_elsewhere_in_another_tenant() -> None:
    where = hub()
    ours = member(Only(*BOTH), where).target("r", "c")
    theirs = member(Only(*BOTH), where, "other").target("r", "c")
    assert ours is not theirs


def test_without_the_right_to_publish_nothing_is_made() -> None:
    where = hub()
    with pytest.raises(ArqonBusError, match="not allowed: publish r:c") as refused:
        member(Only((Action.CREATE, "r")), where).target("r", "c")
    assert refused.value.code is ErrorCode.FORBIDDEN
    assert len(where) == 0


def test_without_the_right_to_create_only_what_is_there_can_be_published_to() -> None:
    where = hub()
    ann = member(Only((Action.PUBLISH, "r")), where)
    with pytest.raises(ArqonBusError, match="not allowed: create r:c"):
        ann.target("r", "c")
    made = where.make(Address("acme/r", "c"))
    assert ann.target("r", "c") is made


def test_the_peer_is_not_told_of_rules_but_the_operator_is() -> None:
    with pytest.raises(ArqonBusError) as refused:
        member(Only(), hub()).check(Action.ADMIN)
    assert "the list" not in refused.value.message
    assert refused.value.about == "admin: the list says so"


def test_a_channel_is_seen_by_whoever_may_use_it_in_any_way() -> None:
    ann = member(Only((Action.HISTORY, "r")), hub())
    assert ann.may(None, Address("acme/r", "c"))
    assert not ann.may(None, Address("acme/other", "c"))
    ann.check(None, "r", "c")
    with pytest.raises(ArqonBusError, match="not allowed: use other:c"):
        ann.check(None, "other", "c")


def test_nothing_is_allowed_in_another_tenant() -> None:
    ann = member(Only((Action.HISTORY, "r")), hub())
    assert not ann.may(Action.HISTORY, Address("r", "c"))
    assert not ann.may(None, Address("others/r", "c"))


def test_another_policy_is_asked_anew() -> None:
    guard = Guard(Only((Action.PUBLISH, "r")), "operators")
    ann = Member(Principal("ann", "acme"), guard, hub())
    ann.check(Action.PUBLISH, "r", "c")
    guard.policy = Only()
    guard.policy.epoch = "another"
    with pytest.raises(ArqonBusError):
        ann.check(Action.PUBLISH, "r", "c")


def test_what_is_remembered_is_bounded() -> None:
    where = Hub(Durability.DISK, max_channels=10_000, auto_create=True)
    ann = member(Only(*BOTH), where)
    for number in range(5000):
        ann.target("r", f"c{number}")
    assert len(ann.targets) <= 4096
