from __future__ import annotations

import asyncio

import pytest
from unit.arqonbus.commands.calling import Calls
from unit.arqonbus.gateway.fakes import advanced
from unit.arqonbus.gateway.wired import publish

from arqonbus.errors import ErrorCode, StorageError

RC = {"room": "r", "channel": "c"}
DOWN = StorageError("the store is down")


async def test_a_created_channel_is_stored_and_described(calls: Calls) -> None:
    answer = await calls.payload("create_channel", **RC)
    (channel,) = calls.wired.hub
    assert channel.stored
    assert answer == {
        **RC,
        "epoch": channel.epoch,
        "seq": 0,
        "subscribers": 0,
        "durability": "disk",
        "first_seq": 1,
        "messages": 0,
        "bytes": 0,
        "last_message": None,
    }
    assert await calls.storage.delete(channel.address)


async def test_a_channel_is_created_once(calls: Calls) -> None:
    await calls.payload("create_channel", **RC)
    assert await calls.code("create_channel", **RC) is ErrorCode.CONFLICT


@pytest.mark.parametrize(("room", "channel", "named"), [("", "c", "room:"), ("r", ".", "channel:")])
@pytest.mark.parametrize("command", ["create_channel", "channel_info", "join_channel"])
async def test_a_bad_name_is_told_by_its_field(
    calls: Calls, command: str, room: str, channel: str, named: str
) -> None:
    error = await calls.refusal(command, room=room, channel=channel)
    assert error.code is ErrorCode.VALIDATION_ERROR
    assert error.message.startswith(named)
    assert len(calls.wired.hub) == 0


async def test_there_are_no_more_channels_than_configured() -> None:
    calls = Calls(max_channels=1)
    await calls.payload("create_channel", **RC)
    error = await calls.refusal("create_channel", room="r", channel="d")
    assert error.code is ErrorCode.RATE_LIMITED
    assert "limits.max_channels" in error.message


async def test_a_channel_that_the_store_refused_is_forgotten(calls: Calls) -> None:
    calls.storage.failure = DOWN
    assert await calls.code("create_channel", **RC) is ErrorCode.STORAGE_UNAVAILABLE
    assert len(calls.wired.hub) == 0
    calls.storage.failure = None
    await calls.payload("create_channel", **RC)


async def test_unless_messages_wait_in_it(calls: Calls) -> None:
    calls.storage.gate.clear()
    creating = asyncio.create_task(calls.code("create_channel", **RC))
    await advanced()
    calls.caller.receive(publish(1))
    calls.caller.work()
    calls.storage.failure = DOWN
    calls.storage.gate.set()
    assert await creating is ErrorCode.STORAGE_UNAVAILABLE
    assert len(calls.wired.hub) == 1


async def test_info_tells_what_the_store_holds(calls: Calls) -> None:
    await calls.wired.channel(messages=3)
    calls.wired.now += 1_000_000
    session, _ = calls.another()
    session.receive(publish("last"))
    calls.wired.turn()
    info = await calls.payload("channel_info", **RC)
    assert (info["first_seq"], info["seq"], info["messages"]) == (1, 4, 4)
    assert info["last_message"] == "2026-01-01T12:00:01.000000Z"
    assert info["bytes"] > 0


@pytest.mark.parametrize("command", ["channel_info", "delete_channel", "history", "leave_channel"])
async def test_a_channel_that_is_not_there(calls: Calls, command: str) -> None:
    error = await calls.refusal(command, **RC)
    assert error.code is ErrorCode.NOT_FOUND
    assert "r:c" in error.message


async def test_an_empty_channel_is_deleted(calls: Calls) -> None:
    channel = await calls.wired.channel()
    assert await calls.payload("delete_channel", **RC) == {**RC, "deleted": True}
    assert len(calls.wired.hub) == 0
    assert not await calls.storage.delete(channel.address)


async def test_stored_messages_keep_a_channel(calls: Calls) -> None:
    channel = await calls.wired.channel(messages=3)
    error = await calls.refusal("delete_channel", **RC)
    assert error.code is ErrorCode.CONFLICT
    assert "3 messages" in error.message
    assert "discard_history" in error.message
    assert not channel.deleting
    assert list(calls.wired.hub) == [channel]


async def test_unless_they_are_said_to_be_discarded(calls: Calls) -> None:
    old = await calls.wired.channel(messages=3)
    await calls.payload("delete_channel", **RC, discard_history=True)
    new = await calls.wired.channel()
    assert (new.last_seq, new.epoch != old.epoch) == (0, True)
    assert (await calls.payload("channel_info", **RC))["messages"] == 0


async def test_whoever_has_joined_keeps_a_channel(calls: Calls) -> None:
    await calls.payload("join_channel", **RC)
    error = await calls.refusal("delete_channel", **RC, discard_history=True)
    assert error.code is ErrorCode.CONFLICT
    assert "1 have joined" in error.message


@pytest.mark.parametrize("committing", [False, True])
async def test_messages_on_their_way_keep_a_channel(calls: Calls, committing: bool) -> None:
    await calls.wired.channel()
    calls.storage.holding = True
    calls.caller.receive(publish(1))
    if committing:
        calls.wired.turn()
    else:
        calls.caller.work()
    error = await calls.refusal("delete_channel", **RC, discard_history=True)
    assert "being stored" in error.message
    assert len(calls.wired.hub) == 1


async def test_while_it_is_deleted_nobody_uses_a_channel(calls: Calls) -> None:
    await calls.wired.channel()
    calls.storage.gate.clear()
    deleting = asyncio.create_task(calls.payload("delete_channel", **RC))
    await advanced()
    for command in ("join_channel", "channel_info", "delete_channel"):
        error = await calls.refusal(command, **RC)
        assert (error.code, error.retryable) == (ErrorCode.CONFLICT, True)
    calls.storage.gate.set()
    assert (await deleting)["deleted"]


async def test_a_deletion_that_failed_leaves_the_channel_as_it_was(calls: Calls) -> None:
    channel = await calls.wired.channel(messages=1)
    calls.storage.failure = DOWN
    error = await calls.refusal("delete_channel", **RC, discard_history=True)
    assert error.code is ErrorCode.STORAGE_UNAVAILABLE
    calls.storage.failure = None
    assert not channel.deleting
    assert (await calls.payload("channel_info", **RC))["messages"] == 1


async def named(calls: Calls) -> None:
    for room, channel in (("b", "x"), ("a", "y"), ("a", "x"), ("a.b", "x")):
        await calls.wired.channel(room, channel)


async def test_channels_are_listed_by_name_in_pages(calls: Calls) -> None:
    await named(calls)
    seen: list[str] = []
    after: str | None = ""
    pages = 0
    while after is not None:
        page = await calls.payload("list_channels", after=after, limit=3)
        seen += [f"{one['room']}:{one['channel']}" for one in page["channels"]]
        after, pages = page["next_after"], pages + 1
    assert seen == sorted(["b:x", "a:y", "a:x", "a.b:x"])
    assert pages == 2


async def test_a_list_ends_with_its_last_page(calls: Calls) -> None:
    await named(calls)
    page = await calls.payload("list_channels", limit=4)
    assert len(page["channels"]) == 4
    assert page["next_after"] is None


async def test_channels_of_one_room(calls: Calls) -> None:
    await named(calls)
    page = await calls.payload("list_channels", room="a")
    assert [one["channel"] for one in page["channels"]] == ["x", "y"]
    assert (await calls.payload("list_channels", room="z"))["channels"] == []


async def test_a_listed_channel_is_told_in_brief(calls: Calls) -> None:
    channel = await calls.wired.channel(messages=2)
    await calls.payload("join_channel", **RC)
    (one,) = (await calls.payload("list_channels"))["channels"]
    assert one == {**RC, "epoch": channel.epoch, "seq": 2, "subscribers": 1}
