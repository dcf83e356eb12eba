"""Joining: what was missed comes once, in order, and nothing that follows is lost."""

from __future__ import annotations

import pytest
from unit.arqonbus.commands.calling import Calls, Payload
from unit.arqonbus.gateway.fakes import FakeStorage
from unit.arqonbus.gateway.wired import publish

from arqonbus.errors import ErrorCode, StorageError
from arqonbus.protocol.msgpack_codec import MsgpackCodec
from arqonbus.storage.retention import Retention

RC = {"room": "r", "channel": "c"}
PAGE = 512


async def join(calls: Calls, seq: int | None = None, epoch: str | None = None) -> Payload:
    since = {} if seq is None else {"since": {"seq": seq, "epoch": epoch}}
    return await calls.payload("join_channel", **RC, **since)


def positions(calls: Calls) -> list[int]:
    """The positions that the caller got, or was told in a gap that it won't get."""
    found: list[int] = []
    for frame in calls.connection.frames:
        if frame["type"] == "message":
            found.append(frame["seq"])
        elif frame["type"] == "gap":
            span = frame["payload"]
            found += range(span["from_seq"], span["to_seq"] + 1)
    return found


def send(calls: Calls, payload: object = 0) -> None:
    """Let somebody else publish one message."""
    session, _ = calls.another()
    session.receive(publish(payload))
    calls.wired.turn()


async def test_a_join_tells_the_position_from_which_it_counts(calls: Calls) -> None:
    channel = await calls.wired.channel(messages=3)
    answer = await join(calls)
    assert answer == {
        **RC,
        "epoch": channel.epoch,
        "seq": 3,
        "durability": "disk",
        "subscribers": 1,
    }
    assert list(calls.caller.joined) == [channel]
    send(calls)
    assert positions(calls) == [4]


async def test_a_join_stores_a_channel_that_it_makes(calls: Calls) -> None:
    await join(calls)
    (channel,) = calls.wired.hub
    assert channel.stored
    assert await calls.storage.delete(channel.address)


async def test_it_makes_none_when_the_settings_say_so() -> None:
    calls = Calls(auto_create_channels=False)
    assert await calls.code("join_channel", **RC) is ErrorCode.NOT_FOUND
    await calls.payload("create_channel", **RC)
    assert (await join(calls))["seq"] == 0


async def test_who_joins_twice_gets_everything_once(calls: Calls) -> None:
    await join(calls)
    assert (await join(calls))["subscribers"] == 1
    send(calls)
    assert positions(calls) == [1]


async def test_a_store_that_is_down_lets_nobody_join(calls: Calls) -> None:
    calls.storage.failure = StorageError("the store is down")
    assert await calls.code("join_channel", **RC) is ErrorCode.STORAGE_UNAVAILABLE
    assert calls.caller.joined == {}
    assert len(calls.wired.hub) == 0


async def test_a_connection_joins_no_more_channels_than_configured() -> None:
    calls = Calls(channels_per_connection=2)
    for channel in ("c", "d", "c"):
        await calls.payload("join_channel", room="r", channel=channel)
    error = await calls.refusal("join_channel", room="r", channel="e")
    assert error.code is ErrorCode.RATE_LIMITED
    assert "2 channels" in error.message
    await calls.payload("leave_channel", **RC)
    await calls.payload("join_channel", room="r", channel="e")


async def test_a_position_needs_its_epoch(calls: Calls) -> None:
    error = await calls.refusal("join_channel", **RC, since={"seq": 1})
    assert error.code is ErrorCode.VALIDATION_ERROR
    assert "since.epoch" in error.message
    assert len(calls.wired.hub) == 0


async def test_what_is_joined_is_not_replayed(calls: Calls) -> None:
    await join(calls)
    error = await calls.refusal("join_channel", **RC, since={"seq": 0})
    assert error.code is ErrorCode.CONFLICT
    assert "leave it" in error.message


@pytest.mark.parametrize("since", [0, 1, 4, 5])
async def test_what_was_missed_is_replayed_after_the_answer(calls: Calls, since: int) -> None:
    channel = await calls.wired.channel(messages=5)
    reply = await calls.reply("join_channel", **RC, since={"seq": since, "epoch": channel.epoch})
    assert calls.connection.frames == []
    assert reply.then is not None
    await reply.then()
    send(calls)
    assert positions(calls) == list(range(since + 1, 7))
    assert isinstance(reply.payload, dict)
    expected = {"recovered": "complete", "first_seq": 1, "replayed": 5 - since, "seq": 5}
    assert expected.items() <= reply.payload.items()


async def test_the_answer_is_of_one_moment_though_the_channel_goes_on(calls: Calls) -> None:
    await calls.wired.channel(messages=5)
    coming = [0]
    calls.storage.on_read = lambda: send(calls, coming.pop()) if coming else None
    answer = await join(calls, 0)
    assert (answer["seq"], answer["replayed"]) == (5, 5)
    assert positions(calls) == [1, 2, 3, 4, 5, 6]


async def test_from_the_beginning_needs_no_epoch(calls: Calls) -> None:
    await calls.wired.channel(messages=2)
    assert (await join(calls, 0))["recovered"] == "complete"
    assert [frame["payload"] for frame in calls.connection.of("message")] == [1, 2]


@pytest.mark.parametrize(("seq", "epoch"), [(2, "another"), (0, "another"), (6, None)])
async def test_another_stream_is_unknown_and_begins_now(
    calls: Calls, seq: int, epoch: str | None
) -> None:
    channel = await calls.wired.channel(messages=5)
    answer = await join(calls, seq, epoch or channel.epoch)
    assert (answer["recovered"], answer["replayed"], answer["seq"]) == ("unknown", 0, 5)
    send(calls)
    assert positions(calls) == [6]


async def test_what_retention_took_is_told_as_a_gap() -> None:
    calls = Calls(FakeStorage(retention=Retention(max_messages=3, max_bytes=10_000)))
    channel = await calls.wired.channel(messages=10)
    answer = await join(calls, 2, channel.epoch)
    assert (answer["recovered"], answer["first_seq"], answer["replayed"]) == ("truncated", 8, 3)
    span = calls.connection.only("gap")["payload"]
    assert span == {"from_seq": 3, "to_seq": 7, "reason": "retention"}
    assert positions(calls) == list(range(3, 11))


async def test_a_long_replay_waits_for_room_between_its_pages(calls: Calls) -> None:
    await calls.wired.channel(messages=2 * PAGE + 5)
    await join(calls, 0)
    assert positions(calls) == list(range(1, 2 * PAGE + 6))
    assert calls.connection.rooms == 2
    assert [after for after, _ in calls.storage.reads] == [0, PAGE, 2 * PAGE]


async def test_what_is_published_during_a_replay_comes_once_and_in_order(calls: Calls) -> None:
    await calls.wired.channel(messages=PAGE + 5)
    calls.connection.on_room = lambda: send(calls)
    await join(calls, 0)
    send(calls)
    assert positions(calls) == list(range(1, PAGE + 8))


async def test_nor_is_what_a_page_was_too_early_for(calls: Calls) -> None:
    await calls.wired.channel(messages=3)

    def late() -> None:
        calls.storage.on_read = lambda: None
        send(calls)

    calls.storage.on_read = late
    await join(calls, 0)
    send(calls)
    assert positions(calls) == [1, 2, 3, 4, 5]


async def test_what_retention_takes_during_a_replay_is_told_too() -> None:
    calls = Calls(FakeStorage(retention=Retention(max_messages=PAGE + 10, max_bytes=10**7)))
    await calls.wired.channel(messages=PAGE + 10)

    def more() -> None:
        calls.connection.on_room = lambda: None
        for _ in range(PAGE + 10):
            send(calls)

    calls.connection.on_room = more
    await join(calls, 0)
    assert positions(calls) == list(range(1, 2 * (PAGE + 10) + 1))
    assert calls.connection.only("gap")["payload"]["from_seq"] == PAGE + 1


async def test_a_channel_deleted_during_a_replay_is_told(calls: Calls) -> None:
    channel = await calls.wired.channel(messages=PAGE + 1)

    def delete() -> None:
        calls.wired.hub.forget(channel)
        calls.storage.vanish()

    calls.connection.on_room = delete
    error = await calls.refusal("join_channel", **RC, since={"seq": 0})
    assert error.code is ErrorCode.NOT_FOUND
    assert calls.caller.joined == {}


async def test_a_hole_in_the_store_is_never_passed_over(calls: Calls) -> None:
    await calls.wired.channel(messages=3)
    calls.storage.hole = True
    with pytest.raises(RuntimeError, match="read 2 after 0"):
        await join(calls, 0)
    assert calls.connection.frames == []


async def test_a_binary_caller_gets_its_replay_in_binary(calls: Calls) -> None:
    await calls.wired.channel(messages=2)
    calls.caller, calls.connection = calls.wired.session("c_3", codec=MsgpackCodec())
    await join(calls, 0)
    assert positions(calls) == [1, 2]
    assert {data[0] for data in calls.connection.writes} == {0x82}


async def test_who_left_gets_no_more(calls: Calls) -> None:
    await join(calls)
    assert await calls.payload("leave_channel", **RC) == {**RC, "left": True}
    send(calls)
    assert positions(calls) == []
    assert calls.caller.joined == {}


async def test_leaving_leaves_others(calls: Calls) -> None:
    await join(calls)
    caller, calls.caller = calls.caller, calls.another()[0]
    await join(calls)
    await calls.payload("leave_channel", **RC)
    send(calls)
    assert positions(calls) == [1]
    assert list(caller.joined) == list(calls.wired.hub)


async def test_only_what_is_joined_can_be_left(calls: Calls) -> None:
    await calls.wired.channel()
    error = await calls.refusal("leave_channel", **RC)
    assert error.code is ErrorCode.CONFLICT
    assert "not joined" in error.message
