"""A stream that goes on in another epoch was passed over where something spanned the change."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from unit.arqonbus.commands.calling import Calls
from unit.arqonbus.transport.pipes import Written, channel_named

from arqonbus.client import Gap, HistoryPage, Lost, Message, Position, StreamBrokenError
from arqonbus.client.items import Joined
from arqonbus.client.replay import replay
from arqonbus.client.subscription import Subscription
from arqonbus.errors import ErrorCode
from arqonbus.model.address import Address
from arqonbus.model.stream import StreamInfo

RC = {"room": "r", "channel": "c"}


def message(epoch: str, seq: int) -> Message:
    return Message(
        room="r",
        channel="c",
        epoch=epoch,
        seq=seq,
        id="m",
        sender="s",
        timestamp="t",
        durability="disk",
        payload=1,
    )


@pytest.fixture
def calls() -> Calls:
    return Calls()


async def test_a_replay_does_not_end_as_complete_in_another_epoch(calls: Calls) -> None:
    await calls.wired.channel(messages=513)
    moved = StreamInfo(Address("r", "c"), "another", 1, 0, 0, 0)
    calls.connection.on_room = lambda: calls.wired.bus.streams.adopt([moved])
    assert await calls.code("join_channel", **RC, since={"seq": 0}) is ErrorCode.STORAGE_UNAVAILABLE
    assert calls.caller.joined == {}


async def test_a_page_after_a_position_of_an_epoch_that_is_over_is_unknown(calls: Calls) -> None:
    channel = await calls.wired.channel(messages=3)
    page = await calls.payload("history", **RC, after=1, epoch=channel.epoch)
    assert (page["complete"], len(page["messages"])) == ("complete", 2)
    page = await calls.payload("history", **RC, after=1, epoch="0000000000")
    assert (page["complete"], page["messages"], page["next_after"]) == ("unknown", [], None)
    assert page["epoch"] == channel.epoch


def test_a_gap_names_the_epoch_in_which_it_began() -> None:
    told: list[tuple[str, int, int]] = []

    def gap(_channel: object, epoch: str, first: int, last: int, _reason: str) -> bytes:
        told.append((epoch, first, last))
        return b"gap\n"

    made = Written("drop")
    made.outbox._gap_frame = gap
    made.pipe.fill(80)
    channel = channel_named("c")
    before = channel.epoch
    made.deliver(channel, 7, size=50)
    channel.epoch = "another"
    made.deliver(channel, 1, 2, size=50)
    made.pipe.drain()
    assert told == [(before, 7, 7), ("another", 1, 2)]


async def left(_subscription: Subscription) -> None:
    return


async def test_a_subscription_is_told_and_goes_on() -> None:
    made = Subscription("r", "c", None, queue_size=9, on_room=lambda: None, on_close=left)
    made.moved(Position("b", 3))
    made.joined(Joined(epoch="a", seq=4))
    made.message(message("a", 5))
    made.moved(Position("b", 0))
    made.moved(Position("b", 0))
    made.gap("a", 6, 7, "slow consumer")
    made.message(message("a", 8))
    made.message(message("b", 1))
    made.end()
    lost = Lost(**RC, since=Position("a", 5), now=Position("b", 0))
    assert [item async for item in made] == [message("a", 5), lost, message("b", 1)]


def told(*pages: HistoryPage) -> Callable[..., Awaitable[HistoryPage]]:
    waiting = iter(pages)

    async def history(_room: str, _channel: str, **_args: object) -> HistoryPage:
        return next(waiting)

    return history


def page(
    epoch: str, *seqs: int, complete: str = "complete", more: bool = False, first: int = 1
) -> HistoryPage:
    assert complete in ("complete", "truncated", "unknown")
    return HistoryPage(
        messages=[message(epoch, seq) for seq in seqs],
        complete=complete,  # type: ignore[arg-type] # asserted above
        epoch=epoch,
        first_seq=first,
        last_seq=9,
        next_after=seqs[-1] if more else None,
    )


async def test_a_client_replays_what_is_left_and_is_told_what_is_not() -> None:
    history = told(page("a", 4, 5, complete="truncated", more=True, first=4), page("a", 6))
    items = [item async for item in replay(history, "r", "c", {"after": 1}, None, 500)]
    gap = Gap(**RC, epoch="a", from_seq=2, to_seq=3, reason="retention")
    assert items == [gap, *(message("a", seq) for seq in (4, 5, 6))]


@pytest.mark.parametrize(
    "second",
    [page("b", complete="unknown"), page("a", 4), page("a", 4, complete="truncated")],
    ids=["another epoch", "a hole", "retention overtook the reader"],
)
async def test_a_client_that_replays_is_not_led_over_a_hole(second: HistoryPage) -> None:
    items = []
    with pytest.raises(StreamBrokenError, match="position 3 went"):
        async for item in replay(told(page("a", 2, more=True), second), "r", "c", {}, None, 500):
            items.append(item)  # noqa: PERF401 - what came before the error counts
    assert items == [message("a", 2)]
    with pytest.raises(StreamBrokenError, match="epoch b"):
        await anext(replay(told(page("b", complete="unknown")), "r", "c", {"after": 1}, None, 500))
