"""Groups and delayed messages on a store that goes away and comes back, in mode degraded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prometheus_client import CollectorRegistry
from support.failing import FailingServer, FailingStorage
from unit.arqonbus.bus.fakes import JSON, NOON, FakePeer
from unit.arqonbus.groups.stage import TERMS, Worker, delayed_frame

from arqonbus.bus.bus import Bus
from arqonbus.bus.clock import rfc3339
from arqonbus.bus.ticks import Tick
from arqonbus.config.limits import DelayedSettings, GroupSettings, LimitSettings
from arqonbus.delayed.engine import Delayed
from arqonbus.groups.engine import Groups
from arqonbus.groups.group import Group
from arqonbus.model.address import Address
from arqonbus.model.durability import Durability
from arqonbus.routing.hub import Hub
from arqonbus.storage.fallback.store import FallbackStorage
from arqonbus.telemetry.metrics import Metrics

SECOND = 1_000_000


class Life:
    """A bus with groups and delayed messages on a real event loop; time goes on by hand."""

    def __init__(self, server: FailingServer) -> None:
        self.micros = NOON
        self.storage = FallbackStorage(
            FailingStorage(server), max_buffer_bytes=10**6, on_not_kept=lambda _: None
        )
        limits, metrics = LimitSettings(), Metrics(CollectorRegistry())
        self.bus = Bus(
            Hub(self.storage.durability, max_channels=99, auto_create=True),
            self.storage,
            Tick(lambda: self.micros),
            metrics,
            limits,
            demanded=Durability.DISK,
            max_pending_bytes=10**6,
            call_soon=asyncio.get_running_loop().call_soon,
            on_batch=lambda: None,
        )
        self.groups = Groups(self.bus, self.storage, metrics, GroupSettings())
        self.delayed = Delayed(self.bus, self.storage, metrics, DelayedSettings())
        self.peer = FakePeer(self.bus, "c_1", "", JSON)

    async def quiet(self) -> None:
        for _ in range(50):
            await asyncio.sleep(0)
        while not self.bus.idle:  # noqa: ASYNC110 - turn by turn, as the bus itself goes
            await asyncio.sleep(0)

    async def make(self, name: str, after: int = 0) -> Group:
        return await self.groups.create(self.bus.hub.obtain(Address("r", "c")), name, TERMS, after)

    async def keep(self, payload: str, seconds: int) -> None:
        frame = delayed_frame(payload, rfc3339(NOON + seconds * SECOND))
        assert self.delayed.accept(self.peer, JSON, frame)
        await self.quiet()

    async def publish(self, *payloads: str) -> None:
        self.bus.wake(self.peer)
        for payload in payloads:
            frame = delayed_frame(payload, "")
            self.peer.inbox.append(frame)
        await self.quiet()

    async def come_back(self) -> None:
        await self.bus.look_after()
        await self.groups._tidy()
        await self.delayed._book.tidy()
        await self.quiet()

    async def at(self, seconds: int) -> None:
        self.micros = NOON + seconds * SECOND
        self.delayed._book.wake.set()
        for _ in range(3):
            await self.quiet()


@asynccontextmanager
async def life(server: FailingServer) -> AsyncIterator[Life]:
    made = Life(server)
    await made.bus.load(await made.storage.open())
    await made.groups.start()
    await made.delayed.start()
    try:
        yield made
    finally:
        await made.groups.stop()
        await made.delayed.stop()
        await made.storage.close()


async def test_work_goes_on_without_the_store_and_is_there_when_it_was_back() -> None:
    server = FailingServer()
    async with life(server) as bus:
        group, worker = await bus.make("g"), Worker("a")
        group.join(worker, 2)
        await bus.publish("x", "y", "z")
        server.down = True
        assert (await group.ack("a", [1], group.state.epoch)).done == (1,)
        assert bus.bus.condition.report()["degraded"] is True
        await bus.quiet()
        assert worker.tasks == [(1, 1), (2, 1), (3, 1)]
        server.down = False
        await bus.come_back()
        assert bus.bus.condition.report()["degraded"] is False
    async with life(server) as bus:
        group = bus.groups.get(Address("r", "c"), "g")
        assert group.state.floor == 1
        assert {seq: w.attempts for seq, w in group.state.waiting.items()} == {2: 1, 3: 1}


async def test_what_the_store_held_is_taken_up_when_it_was_away_at_the_start() -> None:
    server = FailingServer()
    async with life(server) as bus:
        group, worker = await bus.make("old"), Worker("a")
        group.join(worker, 9)
        await bus.publish("x", "y")
        await group.ack("a", [1], group.state.epoch)
        await bus.keep("first", 10)
    server.down = True
    async with life(server) as bus:
        assert list(bus.groups) == []
        await bus.make("new")
        await bus.keep("second", 20)
        await bus.keep("at once", 1)
        await bus.at(1)
        server.down = False
        await bus.come_back()
        assert sorted(group.name[2] for group in bus.groups) == ["new", "old"]
        old, worker = bus.groups.get(Address("r", "c"), "old"), Worker("b")
        old.join(worker, 9)
        await bus.quiet()
        assert worker.tasks == [(2, 2), (3, 1)]
        await bus.at(20)
        got = bus.bus.hub.existing(Address("r", "c")).last_seq
    async with life(server) as bus:
        assert sorted(group.name[2] for group in bus.groups) == ["new", "old"]
        assert len(bus.delayed.schedule) == 0
        channel = bus.bus.hub.existing(Address("r", "c"))
        page = await bus.bus.streams.read(channel, after=0, limit=99, max_bytes=10**6)
    assert page is not None
    assert len(page.messages) == got
    bodies = b"".join(message.body for message in page.messages)
    for payload in (b'"first"', b'"second"', b'"at once"'):
        assert bodies.count(b'"payload":' + payload) == 1
