"""Clients that write down all they are told while a bus is tormented, and hold it to that."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from websockets.exceptions import ConnectionClosed

from support.pages import metric
from support.peer import Frame, Peer, peer
from support.server import Server

CHANNEL = {"room": "r", "channel": "c"}
# So that a channel's end is not what bounds a test.
KEEP_ALL = {"retention_max_messages": 100_000_000}
CODECS = ("json", "msgpack")
WINDOW = 8
LIMIT = 40

Position = tuple[str | None, int]


@dataclass(frozen=True)
class Told:
    """What a receipt or a delivery said, in which life of the bus."""

    position: Position
    level: str
    life: int


@dataclass
class Subscriber:
    """Goes on in each life where it was in the one before; misses nothing, gets nothing twice."""

    codec: str
    position: Position = (None, 0)
    seen: dict[str, Told] = field(default_factory=dict)
    unknown: int = 0

    async def join(self, p: Peer) -> None:
        epoch, seq = self.position
        since = {"seq": seq} | ({"epoch": epoch} if epoch else {})
        joined = await p.ok("join_channel", **CHANNEL, since=since)
        assert joined["recovered"] in {"complete", "unknown"}, joined
        if joined["recovered"] == "unknown":
            self.unknown += 1
            self.position = joined["epoch"], joined["seq"]
        else:
            assert epoch in {None, joined["epoch"]}, (self.position, joined)
            self.position = joined["epoch"], seq

    def take(self, frame: Frame, life: int) -> None:
        if frame["type"] == "notice":
            if frame["payload"]["event"] == "stream":
                now = frame["payload"]["now"]
                self.position = now["epoch"], now["seq"]
            return
        assert frame["type"] == "message", frame
        epoch, seq = self.position
        assert (frame["epoch"], frame["seq"]) == (epoch, seq + 1), (self.position, frame)
        assert frame["id"] not in self.seen, frame
        self.position = epoch, seq + 1
        self.seen[frame["id"]] = Told(self.position, frame["durability"], life)


class Witness:
    """Several publishers and one subscriber for each codec, through all lives of a bus.

    Each publisher keeps some messages under way, each with an id of its own; every second one
    sends what is refused again, and some messages require the level disk.
    """

    def __init__(self, *, publishers: int = 4) -> None:
        self.outcomes: Counter[str] = Counter()  # receipts by level, refusals by code
        self.subscribers = [Subscriber(codec) for codec in CODECS]
        self.receipts: dict[str, Told] = {}
        self.refused: dict[str, str] = {}
        self._again: set[str] = set()
        self._publishers = publishers
        self._life = 0
        self._base = 0
        # Lives of which not everything that was accepted came to its end.
        self._broken: set[int] = set()
        self._publishing: list[asyncio.Task[None]] = []
        self._stopping = False
        self._news = asyncio.Event()

    @property
    def unknown(self) -> int:
        """How often a subscriber was told that it is not known what it missed."""
        return sum(one.unknown for one in self.subscribers)

    @asynccontextmanager
    async def at(self, bus: Server) -> AsyncIterator[None]:
        """A life of the bus: load on it until the block's end, or until `settle`."""
        self._life += 1
        self._broken.add(self._life)
        self._stopping = False
        async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
            tasks = []
            for one in self.subscribers:
                p = await stack.enter_async_context(peer(bus.url, one.codec, close_timeout=1))
                await one.join(p)
                tasks.append(group.create_task(self._listen(one, p)))
            self._base = await self._surplus(bus)
            self._publishing = []
            for number, codec in zip(
                range(self._publishers), itertools.cycle(CODECS), strict=False
            ):
                p = await stack.enter_async_context(peer(bus.url, codec, close_timeout=1))
                self._publishing.append(group.create_task(self._publish(p, number)))
            yield
            if bus.process.returncode is None:
                for task in [*tasks, *self._publishing]:
                    task.cancel()
        if self._life in self._broken:
            # Of these nobody was told in the end whether they are stored.
            self.refused.clear()

    async def more(self, count: int, outcome: str) -> None:
        """Wait until so many more publishes were answered like this."""
        wanted = self.outcomes[outcome] + count
        await self._until(lambda: self.outcomes[outcome] >= wanted)

    async def settle(self, bus: Server) -> None:
        """End the load of a bus in good health, and have everything come to its end."""
        self._stopping = True
        await asyncio.gather(*self._publishing)
        async with peer(bus.url) as p:
            end = await p.ok("channel_info", **CHANNEL)
            position = end["epoch"], end["seq"]
            await self._until(lambda: all(one.position == position for one in self.subscribers))
            books = (await p.ok("status"))["ledger"]
        assert await metric(bus.http, "arqonbus_ledger_balanced") == 1
        assert books["balanced"] is True, books
        assert (books["waiting"], books["pending"]) == (0, 0), books
        assert books["published"] == books["stored"] + books["refused"], books
        assert books["due"] == books["delivered"] + sum(books["dropped"].values()), books
        assert books["stored"] == end["seq"] - self._base, (books, self._base)
        self._broken.discard(self._life)

    @staticmethod
    async def _surplus(bus: Server) -> int:
        """How many more messages the channel has than this bus stored."""
        async with peer(bus.url) as p:
            end = (await p.ok("channel_info", **CHANNEL))["seq"]
            return int(end - (await p.ok("status"))["ledger"]["stored"])

    async def verify(self, url: str, *, strict: bool) -> None:
        """Compare all that was told with what is stored now.

        In mode degraded, what only memory had may be gone if its bus was killed.
        """
        epoch, ids = await everything(url)
        where = {message_id: (epoch, seq) for seq, message_id in enumerate(ids, 1)}
        assert len(where) == len(ids), "stored twice"
        assert not self.refused.keys() & where.keys(), "refused, but stored"
        for told in (self.receipts, *(one.seen for one in self.subscribers)):
            for message_id, one in told.items():
                if strict or one.level != "memory" or one.life not in self._broken:
                    assert message_id in where, (message_id, one)
                    same = where[message_id] == one.position
                    assert same or (not strict and one.position[0] != epoch), (message_id, one)
                if message_id in self.receipts:
                    assert one.position == self.receipts[message_id].position, (message_id, one)
        self._check_order(ids)
        if strict:
            assert self.unknown == 0
            assert self.outcomes["memory"] == 0

    def _check_order(self, ids: list[str]) -> None:
        last: dict[str, int] = {}
        for message_id in ids:
            publisher, _, number = message_id.rpartition("-")
            if publisher and message_id not in self._again:
                assert last.get(publisher, 0) < int(number), message_id
                last[publisher] = int(number)

    async def _listen(self, subscriber: Subscriber, p: Peer) -> None:
        with suppress(ConnectionClosed):
            while True:
                subscriber.take(await p.receive(), self._life)
                self._news.set()

    async def _publish(self, p: Peer, number: int) -> None:
        ids = (f"{self._life}-{number}-{n}" for n in itertools.count(1))
        with suppress(ConnectionClosed):
            for message_id in itertools.islice(ids, WINDOW):
                await self._send(p, message_id)
            under_way = WINDOW
            while under_way:
                answer = await p.receive()
                if answer["type"] == "notice":
                    continue
                refused = self.note(answer)
                if self._stopping:
                    under_way -= 1
                elif refused == "STORAGE_UNAVAILABLE" and number % 2:
                    self._again.add(answer["request_id"])
                    await self._send(p, answer["request_id"])
                else:
                    await self._send(p, next(ids))

    @staticmethod
    async def _send(p: Peer, message_id: str) -> None:
        require: dict[str, Any] = {"require": "disk"} if message_id.endswith("7") else {}
        payload = "x" * random.randrange(500)
        await p.send(type="message", id=message_id, **CHANNEL, payload=payload, **require)

    def note(self, answer: Frame) -> str | None:
        """The error code if it is a refusal."""
        self._news.set()
        message_id = answer["request_id"]
        if answer["type"] == "error":
            code = str(answer["error_code"])
            assert code in {"STORAGE_UNAVAILABLE", "DURABILITY_NOT_MET"}, answer
            self.outcomes[code] += 1
            self.refused[message_id] = code
            return code
        assert answer["type"] == "ack", answer
        level = answer["durability"]
        assert level == "disk" or not message_id.endswith("7"), answer
        self.outcomes[level] += 1
        self.refused.pop(message_id, None)
        told = Told((answer["epoch"], answer["seq"]), level, self._life)
        assert self.receipts.setdefault(message_id, told).position == told.position, answer
        return None

    async def _until(self, holds: Any) -> None:
        async with asyncio.timeout(LIMIT):
            while not holds():
                self._news.clear()
                await self._news.wait()


async def everything(url: str) -> tuple[str, list[str]]:
    """The channel's epoch, and the ids of all its messages in order; no position is missing."""
    found: list[Frame] = []
    after: int | None = 0
    async with peer(url) as p:
        while after is not None:
            page = await p.ok("history", **CHANNEL, after=after, limit=1000)
            assert page["complete"] == "complete"
            found += page["messages"]
            after = page["next_after"]
    assert [m["seq"] for m in found] == list(range(1, len(found) + 1))
    (epoch,) = {m["epoch"] for m in found}
    return epoch, [m["id"] for m in found]
