"""A channel that was deleted, and perhaps made anew, was gone on with by those who still had it."""

from __future__ import annotations

import asyncio

import pytest
from unit.arqonbus.commands.calling import Calls
from unit.arqonbus.gateway.fakes import advanced, settled
from unit.arqonbus.gateway.wired import publish
from unit.arqonbus.groups.stage import TERMS

from arqonbus.bus.clock import rfc3339
from arqonbus.errors import ArqonBusError, ErrorCode
from arqonbus.model.address import Address

RC = {"room": "r", "channel": "c"}
LATER = 10_000_000


@pytest.fixture
def calls() -> Calls:
    return Calls()


async def test_a_late_reader_does_not_end_the_epoch_of_the_next_stream(calls: Calls) -> None:
    old = await calls.wired.channel(messages=3)
    await calls.payload("delete_channel", **RC, discard_history=True)
    new = await calls.wired.channel(messages=1)
    page = await calls.wired.bus.streams.read(old, after=0, limit=9, max_bytes=9)
    await settled()
    assert page is None
    assert (await calls.storage.create(new.address, "none")).epoch == new.epoch


async def test_nobody_joins_a_channel_that_is_there_no_more(calls: Calls) -> None:
    calls.storage.gate.clear()
    joining = asyncio.create_task(calls.code("join_channel", **RC))
    await advanced()
    hub = calls.wired.hub
    hub.forget(hub.existing(Address("r", "c")))
    hub.obtain(Address("r", "c"))
    calls.storage.gate.set()
    assert await joining is ErrorCode.CONFLICT
    assert calls.caller.joined == {}


async def test_a_channel_is_not_deleted_while_its_first_group_is_recorded(calls: Calls) -> None:
    channel = await calls.wired.channel()
    calls.storage.holding = True
    joining = asyncio.create_task(calls.payload("group.join", **RC, group="g"))
    for _ in range(5):
        await advanced()
        calls.wired.turn()
    error = await calls.refusal("delete_channel", **RC)
    assert (error.code, "groups consume it" in error.message) == (ErrorCode.CONFLICT, True)
    calls.storage.commit()
    assert (await joining)["created"]
    assert calls.wired.groups.get(Address("r", "c"), "g").channel is channel
    assert calls.wired.hub.holds(channel)
    await calls.wired.groups.stop()


async def test_a_deleted_channel_gets_no_group(calls: Calls) -> None:
    channel = await calls.wired.channel()
    await calls.payload("delete_channel", **RC)
    with pytest.raises(ArqonBusError, match="was deleted meanwhile"):
        await calls.wired.groups.create(channel, "g", TERMS, 0)
    assert list(calls.wired.groups) == []


async def test_a_channel_is_not_deleted_while_a_delayed_message_is_recorded(calls: Calls) -> None:
    await calls.wired.channel()
    calls.storage.holding = True
    calls.caller.receive(publish(1, deliver_at=rfc3339(calls.wired.now + LATER)))
    calls.wired.turn()
    error = await calls.refusal("delete_channel", **RC)
    assert (error.code, "delayed messages" in error.message) == (ErrorCode.CONFLICT, True)
    calls.storage.commit()
    assert calls.connection.only("ack")["durability"] == "disk"
