"""History: pages by position or time, and whether anything in the range is gone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.arqonbus.commands.calling import Calls, Payload
from unit.arqonbus.gateway.fakes import FakeStorage
from unit.arqonbus.gateway.wired import publish

from arqonbus.bus.clock import micros
from arqonbus.errors import ErrorCode, StorageError
from arqonbus.model.address import Address
from arqonbus.storage.retention import Retention

RC = {"room": "r", "channel": "c"}
SECOND = 1_000_000


async def filled(calls: Calls, *, seconds: int = 10) -> None:
    """A message each second from noon on, the payload of each its position."""
    await calls.wired.channel()
    session, _ = calls.another()
    for seq in range(1, seconds + 1):
        session.receive(publish(seq))
        calls.wired.turn()
        calls.wired.now += SECOND


async def history(calls: Calls, **args: object) -> Payload:
    return await calls.payload("history", **RC, **args)


def seqs(page: Payload) -> list[int]:
    assert [one["seq"] for one in page["messages"]] == [one["payload"] for one in page["messages"]]
    return [one["seq"] for one in page["messages"]]


def at(second: float) -> str:
    return f"2026-01-01T12:00:{second:09.6f}Z"


async def test_without_a_beginning_the_newest_come(calls: Calls) -> None:
    await filled(calls)
    page = await history(calls, limit=3)
    assert seqs(page) == [8, 9, 10]
    assert (page["first_seq"], page["last_seq"], page["complete"]) == (1, 10, "complete")
    assert page["next_after"] is None


async def test_a_limit_beyond_the_beginning_gives_all(calls: Calls) -> None:
    await filled(calls, seconds=3)
    assert seqs(await history(calls)) == [1, 2, 3]


async def test_messages_are_as_delivered_and_say_when_they_were_stored(calls: Calls) -> None:
    await filled(calls, seconds=2)
    page = await history(calls, after=1)
    (message,) = page["messages"]
    (channel,) = calls.wired.hub
    expected = {**RC, "epoch": channel.epoch, "type": "message", "durability": "disk"}
    assert expected.items() <= message.items()
    assert (message["sender"], message["stored_at"]) == ("c_2", at(1))
    assert {**RC, "epoch": channel.epoch}.items() <= page.items()


@pytest.mark.parametrize("limit", [1, 3, 4, 10, 11])
async def test_pages_join_without_a_hole(calls: Calls, limit: int) -> None:
    await filled(calls)
    found: list[int] = []
    after: int | None = 0
    while after is not None:
        page = await history(calls, after=after, limit=limit)
        found += seqs(page)
        after = page["next_after"]
    assert found == list(range(1, 11))


async def test_after_the_newest_there_is_nothing(calls: Calls) -> None:
    await filled(calls, seconds=2)
    page = await history(calls, after=2)
    assert (seqs(page), page["next_after"], page["complete"]) == ([], None, "complete")


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        (at(3), None, [4, 5, 6, 7, 8, 9, 10]),
        (at(2.5), at(6), [4, 5, 6]),
        (at(3), at(3), []),
        (at(8), at(30), [9, 10]),
        (at(30), None, []),
        ("2026-01-01T11:00:00Z", at(1), [1]),
        ("2026-01-01T14:00:03+02:00", at(5), [4, 5]),
        (None, at(1), [1]),
    ],
)
async def test_a_range_of_time_includes_its_beginning_only(
    calls: Calls, since: str | None, until: str | None, expected: list[int]
) -> None:
    await filled(calls)
    page = await history(calls, since_time=since, until_time=until)
    assert seqs(page) == expected
    assert page["next_after"] is None


async def test_a_range_of_time_has_pages_up_to_its_end(calls: Calls) -> None:
    await filled(calls)
    page = await history(calls, since_time=at(2), until_time=at(6), limit=3)
    assert (seqs(page), page["next_after"]) == ([3, 4, 5], 5)
    page = await history(calls, after=5, until_time=at(6), limit=3)
    assert (seqs(page), page["next_after"]) == ([6], None)


def kept(messages: int) -> Calls:
    return Calls(FakeStorage(retention=Retention(max_messages=messages, max_bytes=10**6)))


@pytest.mark.parametrize(
    ("args", "complete"),
    [
        ({"after": 6}, "truncated"),
        ({"after": 7}, "complete"),
        ({"limit": 3}, "complete"),
        ({"limit": 4}, "truncated"),
        ({"since_time": at(0)}, "truncated"),
        ({"since_time": at(7)}, "truncated"),
        ({"since_time": at(8)}, "complete"),
    ],
)
async def test_what_retention_took_from_the_range_is_told(
    args: dict[str, object], complete: str
) -> None:
    calls = kept(3)
    await filled(calls)
    page = await history(calls, **args)
    assert (page["complete"], page["first_seq"]) == (complete, 8)


async def test_an_untrimmed_stream_is_complete_from_its_first_moment(calls: Calls) -> None:
    await filled(calls)
    assert (await history(calls, since_time=at(0)))["complete"] == "complete"


async def test_a_page_is_as_large_as_configured_at_most() -> None:
    calls = Calls(history_page=5)
    await filled(calls)
    error = await calls.refusal("history", **RC, limit=6)
    assert error.code is ErrorCode.VALIDATION_ERROR
    assert "limit is at most 5" in error.message
    assert len(seqs(await history(calls, limit=5))) == 5


async def test_a_beginning_is_given_once(calls: Calls) -> None:
    await filled(calls, seconds=1)
    error = await calls.refusal("history", **RC, after=0, since_time=at(0))
    assert error.code is ErrorCode.VALIDATION_ERROR
    assert "after or since_time" in error.message


@pytest.mark.parametrize("args", [{}, {"since_time": at(0)}])
async def test_a_channel_that_the_store_does_not_know_holds_nothing(
    calls: Calls, args: dict[str, object]
) -> None:
    calls.wired.hub.obtain(Address("r", "c"))
    error = await calls.refusal("history", **RC, **args)
    assert error.code is ErrorCode.NOT_FOUND
    assert "nothing yet" in error.message


async def test_a_store_that_is_down_is_told_and_may_be_asked_again(calls: Calls) -> None:
    await filled(calls, seconds=1)
    calls.storage.failure = StorageError("the store is down")
    error = await calls.refusal("history", **RC)
    assert (error.code, error.retryable) == (ErrorCode.STORAGE_UNAVAILABLE, True)


@given(st.datetimes(), st.integers(-23, 23))
def test_microseconds_are_exact(moment: datetime, hours: int) -> None:
    zone = timezone(timedelta(hours=hours))
    exact = (moment.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(
        microseconds=1
    )
    assert micros(moment.replace(tzinfo=zone)) == exact - hours * 3600 * SECOND
