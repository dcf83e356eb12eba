"""A list of many channels kept the event loop busy until all of them were judged."""

from __future__ import annotations

import asyncio
from pathlib import Path

from support.shielded import EVERYTHING
from unit.arqonbus.commands.calling import Calls

from arqonbus.model.action import Action
from arqonbus.model.principal import Principal
from arqonbus.shield.access.file import FilePolicy

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
