"""Whatever workers, the store and crashes do to a bus: every message is accounted for."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from itertools import count
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st
from unit.arqonbus.bus.fakes import HeldStorage
from unit.arqonbus.groups.stage import Worker, Works, life

from arqonbus.errors import ArqonBusError
from arqonbus.groups import engine, pump
from arqonbus.groups.group import Group, Outcome
from arqonbus.model.address import Address
from arqonbus.model.durability import Durability

WHO = st.sampled_from(["a", "b"])
DONE_BY_WORKERS = ["publish", "join", "leave", "ack", "nack", "claim"]
DONE_TO_THEM = ["late", "refuse", "renew", "tidy", "torn", "crash", "retain"]
STEPS = st.lists(
    st.tuples(st.sampled_from(["ack", *DONE_BY_WORKERS, *DONE_TO_THEM]), WHO),
    min_size=5,
    max_size=40,
)
SECOND = 1_000_000


class Play:
    """One group through the lives of a bus; `receipted` are the acks that were answered."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self.storage = HeldStorage(Durability.DISK)
        self.receipted: set[int] = set()
        self.dropped = 0
        self.stack = stack
        self.names = count()
        self.works: Works
        self.workers: dict[str, Worker] = {}

    async def live(self) -> None:
        await self.stack.aclose()
        self.workers = {}
        self.works = await self.stack.enter_async_context(life(self.storage))
        await self.works.group()

    @property
    def group(self) -> Group:
        return self.works.groups.get(Address("r", "c"), "g")

    async def step(self, what: str, who: str) -> None:  # noqa: C901 - a table of steps
        works, worker = self.works, self.workers.get(who)
        if what == "publish":
            await works.publish("x", "y")
        elif what == "join" and worker is None:
            self.workers[who] = Worker(f"{who}{next(self.names)}")
            works.groups.join(self.group, self.workers[who], 2)
        elif what == "leave" and worker is not None:
            del self.workers[who]
            works.groups.gone(worker.client_id)
        elif what in ("ack", "nack", "claim") and worker is not None:
            await self.answer(what, worker)
        elif what in ("refuse", "renew") and worker is not None:
            await self.answer("ack", worker, amid=what)
        elif what == "late":
            works.micros += 31 * SECOND
            self.group.wake.set()
        elif what == "crash":
            await self.live()
        elif what == "retain":
            self.dropped = min(self.dropped + 1, works.hub.obtain(Address("r", "c")).last_seq)
            await self.storage.drop(works.hub.obtain(Address("r", "c")).address, self.dropped)
        elif what == "tidy":
            tidying = asyncio.ensure_future(works.groups._tidy())
            await works.quiet()
            await tidying
        elif what == "torn":  # a crash while the journal is shortened
            tidying = asyncio.ensure_future(works.groups._tidy())
            await works.ticks()
            await self.live()
            assert tidying.done()

    async def answer(self, what: str, worker: Worker, *, amid: str = "") -> None:
        """Settle what the worker holds; amid that the store refuses, or the whole is due."""
        held = [s for s, h in self.group.state.held.items() if h.worker == worker.client_id]
        if not held:
            return
        asking: asyncio.Future[Outcome | object]
        epoch = self.group.state.epoch
        if what == "ack":
            asking = asyncio.ensure_future(self.group.ack(worker.client_id, held[:1], epoch))
        elif what == "nack":
            asking = asyncio.ensure_future(
                self.group.nack(worker.client_id, held[:1], epoch, 5 * SECOND)
            )
        else:
            asking = asyncio.ensure_future(self.group.claim(worker.client_id, 0, 9))
        if amid:
            await self.works.ticks()
        if amid == "renew":
            self.group.notes.renew()
        elif amid == "refuse" and self.storage.held is not None:
            self.storage.refuse()
        await self.works.quiet()
        try:
            outcome = await asking
        except ArqonBusError:
            return
        if isinstance(outcome, Outcome) and what == "ack":
            self.receipted |= {*outcome.done}

    async def check(self) -> None:
        await self.works.quiet()
        assert self.group.state.balanced
        for worker in self.workers.values():
            held = [h for h in self.group.state.held.values() if h.worker == worker.client_id]
            assert len(held) <= 2

    async def finish(self) -> None:
        """Everything that is left is done by one worker, through a last crash."""
        await self.live()
        worker = Worker("last")
        self.group.join(worker, 100)
        before = {*self.receipted}
        for _ in range(40):
            await asyncio.sleep(0.002)
            self.works.micros += 10 * SECOND
            self.group.wake.set()
            await self.works.quiet()
            await self.answer("ack", worker)
        assert not before & {seq for seq, _ in worker.tasks}
        last = self.works.hub.obtain(Address("r", "c")).last_seq
        state = self.group.state
        assert (state.floor, state.unsettled) == (last, 0)
        assert state.counts.acked + state.counts.dead + state.counts.lost == last
        assert state.counts.acked == len(self.receipted)


async def play(steps: list[tuple[str, str]]) -> None:
    async with AsyncExitStack() as stack:
        made = Play(stack)
        await made.live()
        for what in ("publish", "publish", "join"):
            await made.step(what, "a")
        await made.check()
        for what, who in steps:
            await made.step(what, who)
            await made.check()
        await made.finish()


@settings(max_examples=60)
@given(STEPS)
def test_every_message_is_acknowledged_dead_or_lost_and_none_is_after_its_receipt(
    steps: list[tuple[str, str]],
) -> None:
    with patch.object(pump, "_PAUSE", 0.001), patch.object(engine, "_SLACK", -99):
        asyncio.run(play(steps))
