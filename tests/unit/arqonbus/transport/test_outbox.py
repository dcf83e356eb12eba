"""What waits for one peer is bounded, and what is left out is named exactly."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.arqonbus.gateway.fakes import advanced
from unit.arqonbus.transport.pipes import Written, channel_named, lines

from arqonbus.telemetry.ledger import Account
from arqonbus.transport.outbox import Policy

C = channel_named("c")
D = channel_named("d")
GAP = "gap:slow consumer"


def full(policy: Policy = "disconnect", *, limit: int = 100, buffered: int = 80) -> Written:
    """An outbox whose transport has `buffered` bytes and wants no more."""
    made = Written(policy, limit=limit)
    made.pipe.fill(buffered)
    return made


def test_a_turns_frames_are_one_write_at_its_end() -> None:
    made = Written()
    assert made.outbox.send(b"one")
    made.deliver(C, 1)
    assert made.outbox.send(b"two")
    assert made.pipe.written == []
    made.turn()
    assert made.pipe.written == [b"onec 1 1 ...\ntwo"]


def test_the_bytes_handed_over_are_counted_once() -> None:
    made = Written()
    made.outbox.send(b"12345")
    made.writers.bytes_in = 7
    made.turn()
    made.outbox.send(b"678")
    made.turn()
    assert made.counted("bytes_out_total") == 8
    assert made.counted("bytes_in_total") == 7


def test_an_early_flush_writes_nothing_twice() -> None:
    made = Written()
    made.outbox.send(b"one")
    assert made.outbox.flush() == 3
    assert made.outbox.flush() == 0
    made.outbox.send(b"two")
    made.turn()
    assert made.pipe.written == [b"one", b"two"]


def test_many_outboxes_share_one_end_of_the_turn() -> None:
    made, other = Written(), Written()
    made.writers.add(other.outbox)
    made.outbox.send(b"one")
    assert len(made.soon) == 1


def test_while_the_transport_has_room_nothing_is_too_much() -> None:
    made = Written(limit=100)
    for seq in range(1, 50):
        made.deliver(C, seq)
    made.turn()
    assert [line[1] for line in lines(made.pipe.data)] == list(range(1, 50))
    assert made.overflows == 0


def test_a_paused_outbox_writes_when_the_transport_has_room_again() -> None:
    made = full()
    made.deliver(C, 1)
    made.outbox.send(b"two\n")
    made.turn()
    assert made.pipe.written == []
    made.pipe.drain()
    assert made.pipe.data == b"c 1 1 ...\ntwo\n"


def test_a_pause_before_the_end_of_the_turn_holds_for_it() -> None:
    made = Written()
    made.outbox.send(b"one")
    made.pipe.fill(80)
    made.turn()
    assert made.pipe.written == []
    made.pipe.drain()
    assert made.pipe.written == [b"one"]


@pytest.mark.parametrize("policy", ["disconnect", "drop"])
def test_the_bound_counts_the_transports_buffer_and_is_exact(policy: Policy) -> None:
    made = full(policy)
    made.deliver(C, 1, size=12)
    made.deliver(C, 2, size=8)
    assert made.overflows == 0
    made.deliver(C, 3, size=9)
    made.pipe.drain()
    delivered = [line[1] for line in lines(made.pipe.data) if line[3] != GAP]
    assert delivered == [1, 2]
    assert made.counted("outbox_overflows_total", policy=policy) == 1


def test_what_was_written_counts_no_more() -> None:
    made = Written(limit=100)
    made.outbox.send(b"x" * 90)
    made.turn()
    made.pipe.fill(0)
    made.deliver(C, 1, size=90)
    assert made.overflows == 0
    made.deliver(C, 2, size=11)
    assert made.overflows == 1


def test_an_overflow_disconnects() -> None:
    made = full()
    made.deliver(C, 1, size=21)
    assert made.overflows == 1
    assert made.counted("outbox_overflows_total", policy="disconnect") == 1
    assert made.metrics.ledger.dropped == {}


def test_an_overflow_drops_and_names_what_it_dropped() -> None:
    made = full("drop")
    made.deliver(C, 1)
    made.deliver(C, 2, 5, size=11)
    made.deliver(C, 6, 7)
    made.pipe.drain()
    made.deliver(C, 8)
    made.turn()
    assert lines(made.pipe.data) == [("c", 1, 1, ""), ("c", 2, 7, GAP), ("c", 8, 8, "")]
    assert made.overflows == 0
    assert made.outbox.account() == Account(due=8, delivered=2, dropped={"slow consumer": 6})
    assert made.metrics.ledger.dropped == {"slow consumer": 6}
    assert made.counted("outbox_overflows_total", policy="drop") == 1


def test_a_gap_waits_and_grows_while_the_transport_is_soon_full_again() -> None:
    made = full("drop")
    made.deliver(C, 1)
    made.deliver(C, 2, 3, size=11)
    made.pipe.high = 5
    made.pipe.drain()
    made.deliver(C, 4)
    assert lines(made.pipe.data) == [("c", 1, 1, "")]
    made.pipe.high = 1000
    made.pipe.drain()
    assert lines(made.pipe.data) == [("c", 1, 1, ""), ("c", 2, 4, GAP)]


def test_a_gap_of_one_channel_is_none_of_another() -> None:
    made = full("drop")
    made.deliver(C, 1, size=50)
    made.deliver(D, 1, size=10)
    made.deliver(C, 2, size=10)
    made.pipe.drain()
    assert lines(made.pipe.data) == [("d", 1, 1, ""), ("c", 1, 2, GAP)]


def test_replies_are_never_dropped() -> None:
    made = full("drop")
    assert not made.outbox.send(b"x" * 21)
    assert made.overflows == 1
    assert made.counted("outbox_overflows_total", policy="disconnect") == 1


def test_what_is_replayed_is_never_dropped_and_in_the_books() -> None:
    made = Written("drop")
    assert made.outbox.replay(b"x" * 20, 2)
    assert made.outbox.account() == Account(due=2, pending=2)
    made.turn()
    assert made.outbox.account() == Account(due=2, delivered=2)
    made.pipe.fill(100)
    assert not made.outbox.replay(b"x" * 20, 2)
    assert (made.overflows, made.outbox.account().due) == (1, 2)


def test_replies_that_fit_are_kept() -> None:
    made = full()
    assert made.outbox.send(b"x" * 20)
    assert made.overflows == 0
    made.pipe.drain()
    assert made.pipe.data == b"x" * 20


def test_a_shut_outbox_takes_nothing_and_forgets_what_waits() -> None:
    made = full("drop")
    made.outbox.send(b"waits")
    made.deliver(C, 1, size=50)
    made.outbox.shut()
    assert not made.outbox.send(b"more")
    made.deliver(C, 2)
    made.outbox.pause()
    made.outbox.resume()
    made.outbox.shut()
    made.turn()
    assert made.pipe.written == []
    assert made.overflows == 0


def test_what_is_forgotten_at_the_end_is_accounted_for() -> None:
    made = full("drop")
    made.deliver(C, 1)
    made.deliver(C, 2, 3, size=50)
    assert made.outbox.account() == Account(due=3, pending=1, dropped={"slow consumer": 2})
    made.outbox.shut()
    made.deliver(C, 4)
    assert made.outbox.account() == Account(due=4, dropped={"slow consumer": 2, "disconnected": 2})
    made.outbox.shut()
    assert made.metrics.ledger.dropped == {"slow consumer": 2, "disconnected": 2}


def test_a_shut_outbox_disconnects_nobody_again() -> None:
    made = Written()
    made.outbox.shut()
    made.deliver(C, 1)
    assert made.outbox.account() == Account(due=1, dropped={"disconnected": 1})
    assert not made.outbox.send(b"more")
    assert made.overflows == 0
    assert made.counted("outbox_overflows_total", policy="disconnect") is None


async def begun(made: Written) -> asyncio.Task[None]:
    """A task that waits for room, and has got as far as it can."""
    task = asyncio.create_task(made.outbox.room())
    await advanced()
    return task


async def test_there_is_room_while_the_transport_takes_data() -> None:
    made = Written()
    made.outbox.send(b"x" * 1000)
    assert (await begun(made)).done()


async def test_there_is_room_up_to_half_of_the_bound() -> None:
    assert (await begun(full(buffered=50))).done()
    task = await begun(full(buffered=51))
    assert not task.done()
    task.cancel()


async def test_what_waits_here_counts_for_room() -> None:
    made = full(buffered=40)
    made.outbox.send(b"x" * 11)
    task = await begun(made)
    assert not task.done()
    made.pipe.drain()
    await task


async def test_room_comes_with_the_end() -> None:
    made = full()
    task = await begun(made)
    assert not task.done()
    made.outbox.shut()
    await task


async def test_a_wait_for_room_that_was_given_up_harms_nobody() -> None:
    made = full()
    gone, waiting = await begun(made), await begun(made)
    gone.cancel()
    made.pipe.drain()
    await waiting
    assert gone.cancelling()


@dataclass(frozen=True)
class Delivery:
    channel: int
    positions: int
    size: int


@dataclass(frozen=True)
class Drain:
    size: int


Step = Delivery | Drain | None
STEPS = st.lists(
    st.builds(Delivery, st.integers(0, 1), st.integers(1, 4), st.integers(10, 60))
    | st.builds(Drain, st.integers(1, 150))
    | st.none(),
    max_size=80,
)


class Run:
    """An outbox that drops, between channels that publish and a peer that reads now and then."""

    def __init__(self) -> None:
        self.made = Written("drop", limit=120)
        self.made.pipe.high = 60
        self.last = [0, 0]

    def step(self, step: Step) -> None:
        if isinstance(step, Drain):
            self.made.pipe.drain(step.size)
        elif step is None:
            self.made.turn()
        else:
            first = self.last[step.channel] + 1
            self.last[step.channel] += step.positions
            channel = (C, D)[step.channel]
            self.made.deliver(channel, first, self.last[step.channel], step.size)

    def told(self, name: str) -> list[int]:
        """All positions that one channel's lines name, in their order."""
        spans = [line[1:3] for line in lines(self.made.pipe.data) if line[0] == name]
        return [seq for first, last in spans for seq in range(first, last + 1)]


@given(STEPS)
def test_every_position_is_delivered_or_named_in_order_and_once(steps: list[Step]) -> None:
    run = Run()
    for step in steps:
        run.step(step)
        run.made.turn()
    while run.made.pipe.paused:
        run.made.pipe.drain()
    run.made.turn()
    for index, name in enumerate("cd"):
        assert run.told(name) == list(range(1, run.last[index] + 1))
    delivered = sum(1 + line[2] - line[1] for line in lines(run.made.pipe.data) if line[3] != GAP)
    due = sum(run.last)
    dropped = {"slow consumer": due - delivered} if due > delivered else {}
    assert run.made.outbox.account() == Account(due, delivered, 0, dropped)
    assert run.made.overflows == 0


@given(STEPS)
def test_no_more_than_the_bound_waits_for_a_paused_peer(steps: list[Step]) -> None:
    run = Run()
    kept = 0
    for step in steps:
        was_paused = run.made.pipe.paused
        before = kept
        run.step(step)
        if run.made.pipe.paused and was_paused and isinstance(step, Delivery):
            kept = run.made.outbox._size + run.made.pipe.buffered
            assert kept <= max(120, before)
        kept = run.made.outbox._size + run.made.pipe.buffered
