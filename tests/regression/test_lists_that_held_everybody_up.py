"""A list of many channels kept the event loop busy until all of them were judged."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

from support.shielded import EVERYTHING
from unit.arqonbus.commands.calling import Calls

from arqonbus.delayed.schedule import Item, Key, Schedule
from arqonbus.model.action import Action
from arqonbus.model.principal import Principal
from arqonbus.shield.access.builtin import OpenPolicy
from arqonbus.shield.access.file import FilePolicy
from arqonbus.shield.permissions import KEPT, Guard, Permissions

AREA = {"actions": ["publish"], "rooms": ["a-*"], "channels": ["*"]}


class Counted(dict[str, object]):
    """Claims that count how often they are judged."""

    judged = 0

    def __contains__(self, name: object) -> bool:
        self.judged += name == "access"
        return super().__contains__(name)


def test_the_claims_of_a_token_were_judged_for_every_question(tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text(EVERYTHING)
    policy = FilePolicy(tmp_path / "policy.toml")
    claims = Counted(access=[AREA])
    ann = Principal("ann", "acme", claims)
    decisions = [policy.decide(ann, Action.PUBLISH, f"a-{n}", "c").allowed for n in range(100)]
    assert all(decisions)
    assert not policy.decide(ann, Action.PUBLISH, "b", "c").allowed
    assert policy.decide(Principal("ann", "acme"), Action.PUBLISH, "b", "c").allowed
    assert claims.judged == 1


async def test_nobody_else_got_on_while_a_list_was_made() -> None:
    calls = Calls()
    for number in range(1000):
        calls.wired.hub.obtain(calls.caller.address("r", f"c{number}"))
    listing = asyncio.create_task(calls.payload("list_channels", limit=900))
    turns = 0
    while not listing.done():
        await asyncio.sleep(0)
        turns += 1
    listed = listing.result()
    assert len(listed["channels"]) == 900
    assert (
        listed["next_after"]
        == listed["channels"][-1]["room"] + ":" + (listed["channels"][-1]["channel"])
    )
    assert turns > 5


class Dense(Schedule):
    """Can't be gone through."""

    def __iter__(self) -> Iterator[Item]:
        raise AssertionError("all that waits was looked at for what concerns one")


async def test_what_waits_for_other_channels_was_looked_through() -> None:
    calls = Calls()
    schedule = calls.wired.delayed.schedule = Dense()
    channel = await calls.wired.channel()
    ann, _ = calls.wired.session("c_ann", principal=Principal("ann", "acme"))
    calls.caller = ann
    item = Item(1, Key("acme/r", "other", "k"), 1, b"{}", seq=1)
    schedule.add(item)
    assert (await calls.payload("delayed.list", room="r", channel="c"))["messages"] == []
    assert not calls.wired.delayed.needs(channel)
    assert (await calls.payload("status"))["delayed"] == {"waiting": 1}
    schedule.remove(item)
    assert (await calls.payload("status"))["delayed"] == {"waiting": 0}
    assert schedule.at(item.key.address) == ()


def test_names_of_a_clients_choice_filled_the_memory_of_every_connection() -> None:
    permissions = Permissions(Guard(OpenPolicy(), "operators"), Principal("ann", "acme"))
    for number in range(10 * KEPT):
        permissions.decide(Action.PUBLISH, "r", f"c{number}")
    assert len(permissions._known) <= KEPT <= 512
