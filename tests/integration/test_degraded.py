"""A bus whose store goes away and comes back, in mode degraded."""

from __future__ import annotations

import asyncio
import json

from prometheus_client import CollectorRegistry
from support.failing import FailingServer, FailingStorage
from unit.arqonbus.bus.fakes import JSON, NOON, FakePeer, FakeSubscriber, payloads

from arqonbus.bus.bus import Bus
from arqonbus.bus.ticks import Tick
from arqonbus.config.limits import LimitSettings
from arqonbus.errors import ErrorCode
from arqonbus.model.address import Address
from arqonbus.model.durability import Durability
from arqonbus.protocol import wire
from arqonbus.routing.hub import Hub
from arqonbus.storage.fallback.store import FallbackStorage
from arqonbus.telemetry.metrics import Metrics

ADDRESS = Address("r", "c")


class Wired:
    """A bus on a real event loop, with a publisher and a subscriber of one channel."""

    def __init__(self, server: FailingServer) -> None:
        self.server = server
        self.not_kept: list[int] = []
        self.storage = FallbackStorage(
            FailingStorage(server), max_buffer_bytes=10**6, on_not_kept=self.not_kept.append
        )
        limits = LimitSettings()
        self.bus = Bus(
            Hub(Durability.DISK, max_channels=limits.max_channels, auto_create=True),
            self.storage,
            Tick(lambda: NOON),
            Metrics(CollectorRegistry()),
            limits,
            demanded=Durability.DISK,
            max_pending_bytes=10**6,
            call_soon=asyncio.get_running_loop().call_soon,
            on_batch=lambda: None,
        )

    async def start(self) -> Wired:
        await self.bus.load(await self.storage.open())
        self.bus.condition.look()
        self.peer = FakePeer(self.bus, "c_1", "", JSON)
        self.bus.hub.enter(self.peer)
        self.subscriber = FakeSubscriber()
        self.bus.hub.obtain(ADDRESS).add(self.subscriber)
        return self

    async def send(self, *frames: dict[str, object]) -> None:
        self.send_only(*frames)
        await self.idle()

    def send_only(self, *frames: dict[str, object]) -> None:
        self.bus.wake(self.peer)
        common = {"type": "message", "room": "r", "channel": "c"}
        self.peer.inbox += [JSON.decode(json.dumps(common | frame)) for frame in frames]

    async def idle(self) -> None:
        while not self.bus.idle:  # noqa: ASYNC110 - turn by turn, as the bus itself goes
            await asyncio.sleep(0)

    def receipts(self) -> list[tuple[object, object]]:
        return [(ack["seq"], ack["durability"]) for ack in self.peer.acks]

    async def history(self) -> list[object]:
        channel = self.bus.hub.existing(ADDRESS)
        page = await self.bus.streams.read(channel, after=0, limit=100, max_bytes=10**6)
        assert page is not None
        return [message.seq for message in page.messages]


async def test_receipts_fall_and_rise_with_the_store_and_nothing_is_missing() -> None:
    wired = await Wired(FailingServer()).start()
    await wired.send({"payload": 1})
    wired.server.down, wired.server.outcomes = True, [True]
    await wired.send({"payload": 2}, {"payload": 0, "require": "disk", "id": "x"}, {"payload": 3})
    refused = [(error.code, request_id) for error, request_id in wired.peer.errors]
    assert refused == [(ErrorCode.DURABILITY_NOT_MET, "x")]
    await wired.bus.look_after()
    await wired.send({"payload": 4})
    report = wired.bus.condition.report()
    assert (report["degraded"], report["available"]) == (True, True)
    wired.server.down = False
    await wired.bus.look_after()
    await wired.send({"payload": 5, "require": "disk"})
    assert wired.receipts() == [
        (1, "disk"),
        (2, "memory"),
        (3, "memory"),
        (4, "memory"),
        (5, "disk"),
    ]
    assert payloads(wired.subscriber) == [(n, n) for n in range(1, 6)]
    stored = [wire.body_payload(body) for body in wired.server.bodies(ADDRESS)]
    assert stored == [b"1", b"2", b"3", b"4", b"5"]
    assert await wired.history() == [1, 2, 3, 4, 5]
    assert wired.bus.condition.report()["degraded"] is False
    await wired.storage.close()
    assert wired.not_kept == []


async def test_a_publish_held_by_the_last_round_gets_the_level_that_it_reached() -> None:
    wired = await Wired(FailingServer()).start()
    wired.server.down = True
    await wired.send({"payload": 1})
    wired.server.down = False

    def publish() -> None:
        wired.server.at_append = lambda: None
        wired.send_only({"payload": 2})

    wired.server.at_append = publish
    await wired.bus.look_after()
    await wired.idle()
    assert wired.receipts() == [(1, "memory"), (2, "disk")]
    assert payloads(wired.subscriber) == [(1, 1), (2, 2)]
    await wired.storage.close()


async def test_a_start_without_the_store_joins_what_the_store_turns_out_to_hold() -> None:
    server = FailingServer()
    before = await Wired(server).start()
    await before.send({"payload": 1}, {"payload": 2})
    epoch = before.bus.hub.existing(ADDRESS).epoch
    await before.storage.close()
    server.down = True
    wired = await Wired(server).start()
    await wired.send({"payload": 3})
    assert wired.receipts() == [(1, "memory")]
    server.down = False
    await wired.bus.look_after()
    channel = wired.bus.hub.existing(ADDRESS)
    assert (channel.epoch, channel.last_seq) == (epoch, 3)
    assert [notice["now"] for notice in wired.subscriber.notices] == [{"epoch": epoch, "seq": 3}]
    await wired.send({"payload": 4})
    assert wired.receipts()[1:] == [(4, "disk")]
    assert await wired.history() == [1, 2, 3, 4]
    await wired.storage.close()


async def test_a_stream_lost_while_the_store_was_away_is_announced_once() -> None:
    wired = await Wired(FailingServer()).start()
    await wired.send({"payload": 1}, {"payload": 2})
    wired.server.down = True
    await wired.send({"payload": 3})
    wired.server.streams.clear()
    wired.server.down = False
    await wired.bus.look_after()
    await wired.send({"payload": 4})
    assert [notice["now"] for notice in wired.subscriber.notices] == [
        {"epoch": wired.bus.hub.existing(ADDRESS).epoch, "seq": 1}
    ]
    stored = [wire.body_payload(body) for body in wired.server.bodies(ADDRESS)]
    assert stored == [b"3", b"4"]
    assert wired.receipts()[2:] == [(3, "memory"), (2, "disk")]
    await wired.storage.close()
