from __future__ import annotations

import pytest

from arqonbus.client import Gap, Lost, Message, Position, StreamBrokenError
from arqonbus.client.items import Joined
from arqonbus.client.subscription import Item, Subscription


def message(seq: int, epoch: str = "e") -> Message:
    return Message(
        room="r",
        channel="c",
        epoch=epoch,
        seq=seq,
        id=f"m{seq}",
        sender="s",
        timestamp="t",
        durability="disk",
        payload=seq,
    )


async def left(_subscription: Subscription) -> None:
    return


def subscription(since: Position | None = None, queue_size: int = 4) -> Subscription:
    return Subscription("r", "c", since, queue_size=queue_size, on_room=lambda: None, on_close=left)


async def drained(made: Subscription) -> list[Item]:
    made.end()
    return [item async for item in made]


def seqs(items: list[Item]) -> list[int]:
    return [item.seq for item in items if isinstance(item, Message)]


async def test_messages_come_in_order_and_repeats_do_not_come() -> None:
    made = subscription()
    made.joined(Joined(epoch="e", seq=7))
    for seq in (8, 8, 9, 7, 10):
        made.message(message(seq))
    items = await drained(made)
    assert seqs(items) == [8, 9, 10]
    assert made.position == Position("e", 10)


async def test_nothing_counts_before_the_join_is_answered() -> None:
    made = subscription(Position("e", 3))
    made.message(message(4))
    made.joined(Joined(epoch="e", seq=5, first_seq=1, recovered="complete"))
    made.message(message(4))
    assert seqs(await drained(made)) == [4]


async def test_a_hole_raises_after_what_came_before() -> None:
    made = subscription()
    made.joined(Joined(epoch="e", seq=0))
    made.message(message(1))
    made.message(message(3))
    made.message(message(4))
    assert (await anext(made)) == message(1)
    with pytest.raises(StreamBrokenError, match="position 3 came after 1"):
        await anext(made)


async def test_another_epoch_raises() -> None:
    made = subscription()
    made.joined(Joined(epoch="e", seq=0))
    made.message(message(1, "other"))
    with pytest.raises(StreamBrokenError, match="epoch"):
        await anext(made)


async def test_a_gap_is_an_item_and_the_stream_goes_on() -> None:
    made = subscription()
    made.joined(Joined(epoch="e", seq=2))
    made.gap("e", 1, 5, "slow consumer")
    made.gap("e", 3, 5, "slow consumer")
    made.message(message(6))
    items = await drained(made)
    assert isinstance(items[0], Gap)
    assert (items[0].from_seq, items[0].to_seq, items[0].reason) == (3, 5, "slow consumer")
    assert items[1:] == [message(6)]


async def test_a_gap_that_leaves_a_hole_raises() -> None:
    made = subscription()
    made.joined(Joined(epoch="e", seq=2))
    made.gap("e", 5, 6, "slow consumer")
    with pytest.raises(StreamBrokenError, match="from 5 came after 2"):
        await anext(made)


async def test_a_truncated_recovery_is_told_once() -> None:
    made = subscription(Position("e", 3))
    made.joined(Joined(epoch="e", seq=20, first_seq=11, recovered="truncated"))
    made.gap("e", 4, 10, "retention")
    made.message(message(11))
    items = await drained(made)
    assert isinstance(items[0], Gap)
    assert (items[0].from_seq, items[0].to_seq) == (4, 10)
    assert seqs(items) == [11]


async def test_an_unknown_recovery_is_lost_and_goes_on_from_now() -> None:
    made = subscription(Position("old", 3))
    made.joined(Joined(epoch="new", seq=20, recovered="unknown"))
    made.message(message(21, "new"))
    items = await drained(made)
    assert isinstance(items[0], Lost)
    assert (items[0].since, items[0].now) == (Position("old", 3), Position("new", 20))
    assert seqs(items) == [21]


async def test_a_join_without_a_verdict_on_recovery_counts_as_lost() -> None:
    made = subscription(Position("e", 3))
    made.joined(Joined(epoch="e", seq=20))
    assert isinstance((await drained(made))[0], Lost)


async def test_it_is_full_at_its_size_and_stretched_at_four_times_that() -> None:
    made = subscription(queue_size=2)
    made.joined(Joined(epoch="e", seq=0))
    for seq in range(1, 8):
        made.message(message(seq))
    assert made.full(stretched=False)
    assert not made.full(stretched=True)
    made.message(message(8))
    assert made.full(stretched=True)
    made.end()
    assert not made.full(stretched=True)
