"""Hand-written stand-ins for what a session is connected to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from arqonbus.errors import StorageError
from arqonbus.model.address import Address
from arqonbus.model.capability import Capability
from arqonbus.model.durability import Durability
from arqonbus.model.stream import StreamInfo
from arqonbus.protocol.close import CloseCode
from arqonbus.routing.hub import Channel
from arqonbus.storage.interface import Adopt, ChannelAppend, OnCommit, Page, StoredKey
from arqonbus.storage.memory import MemoryStorage
from arqonbus.storage.retention import Retention
from arqonbus.telemetry.ledger import Account

Frame = dict[str, Any]
NOON = 1_767_268_800_000_000  # 2026-01-01T12:00:00Z in microseconds
WIDE = Retention(max_messages=10_000, max_bytes=10_000_000)


def unframed(data: bytes) -> list[tuple[int, bytes]]:
    """The opcodes and payloads of unmasked, whole frames in a row (RFC 6455, section 5.2)."""
    frames = []
    while data:
        assert data[0] & 0x80, "the server fragments nothing"
        size, start = data[1], 2
        if size in {126, 127}:
            start = 4 if size == 126 else 10
            size = int.from_bytes(data[2:start], "big")
        assert len(data) >= start + size, "half a frame was queued"
        frames.append((data[0] & 0x0F, data[start : start + size]))
        data = data[start + size :]
    return frames


def parsed(opcode: int, payload: bytes) -> Frame:
    frame = json.loads(payload) if opcode == 1 else msgspec.msgpack.decode(payload)
    assert isinstance(frame, dict)
    return frame


class FakeConnection:
    """A `gateway.outgoing.Connection` that keeps what it is told, in order."""

    def __init__(self, *, binary: bool = False) -> None:
        self.binary = binary
        self.address = "192.0.2.1"
        self.certificate: str | None = None
        self.writes: list[bytes] = []
        self.positions: list[tuple[int, int]] = []
        self.reading: list[str] = []
        self.closed: list[CloseCode] = []
        self.takes = True
        self.on_close: Callable[[], None] = lambda: None
        self.on_room: Callable[[], None] = lambda: None
        self.rooms = 0
        self.replayed = 0
        self.excused = 0

    def deliver(self, channel: Channel, chunk: bytes, first_seq: int, last_seq: int) -> None:
        del channel
        self.positions.append((first_seq, last_seq))
        self.writes.append(chunk)

    def send(self, frames: bytes) -> bool:
        if self.takes:
            self.writes.append(frames)
        return self.takes

    def replay(self, frames: bytes, count: int) -> bool:
        self.replayed += count
        return self.send(frames)

    def account(self) -> Account:
        count = sum(last - first + 1 for first, last in self.positions)
        return Account(due=count, delivered=count)

    def has_room(self) -> bool:
        return not self.closed

    async def room(self) -> None:
        self.rooms += 1
        self.on_room()

    def close(self, code: CloseCode) -> None:
        self.closed.append(code)
        self.on_close()

    def pause_reading(self) -> None:
        self.reading.append("pause")

    def resume_reading(self) -> None:
        self.reading.append("resume")

    def excuse_ping(self) -> None:
        self.excused += 1

    @property
    def frames(self) -> list[Frame]:
        """Every envelope queued so far."""
        return [parsed(*one) for data in self.writes for one in unframed(data)]

    def of(self, kind: str) -> list[Frame]:
        return [frame for frame in self.frames if frame["type"] == kind]

    def only(self, kind: str) -> Frame:
        (frame,) = self.of(kind)
        return frame


class FakeStorage:
    """A `storage.interface.Storage`: streams in memory, and calls that a test holds or lets fail.

    While `holding`, commits wait for `commit`; while `gate` is not set, all else waits for it.
    `probed` are the streams that the next probe brings into sight. With a `hole`, every page lacks
    its first message; `on_read` is called between the making of a page and its being handed out.
    """

    def __init__(
        self, durability: Durability = Durability.DISK, retention: Retention = WIDE
    ) -> None:
        self._streams = MemoryStorage(retention)
        self.capabilities = frozenset(Capability)
        self.reason: str | None = None
        self.probed: list[StreamInfo] = []
        self.durability = durability
        self._held: list[tuple[Sequence[ChannelAppend], OnCommit]] = []
        self.failure: StorageError | None = None
        self.holding = False
        self.reads: list[tuple[int, int]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.trouble: str | None = None
        self.hole = False
        self.on_read: Callable[[], None] = lambda: None

    async def open(self) -> Sequence[StreamInfo]:
        return await self._streams.open()

    async def close(self) -> None:
        await self._streams.close()

    def append(self, batch: Sequence[ChannelAppend], on_commit: OnCommit) -> None:
        if self.holding:
            self._held.append((batch, on_commit))
        elif self.failure is not None:
            on_commit(self.failure)
        else:
            self._streams.append(batch, on_commit)

    def commit(self) -> None:
        """Let the commit that is held take place."""
        self.holding = False
        self.append(*self._held.pop())

    async def create(self, address: Address, epoch: str) -> StreamInfo:
        await self._through()
        return await self._streams.create(address, epoch)

    async def restart(self, address: Address, epoch: str) -> StreamInfo:
        await self._through()
        return await self._streams.restart(address, epoch)

    async def drop(self, address: Address, through: int) -> None:
        await self._through()
        await self._streams.drop(address, through)

    async def probe(self, adopt: Adopt) -> None:
        await self._through()
        adopt(self.probed)

    def shortfall(self) -> str | None:
        return self.reason

    async def delete(self, address: Address) -> bool:
        await self._through()
        return await self._streams.delete(address)

    async def read(
        self, address: Address, *, after: int, through: int, limit: int, max_bytes: int
    ) -> Page | None:
        await self._through()
        self.reads.append((after, limit))
        page = await self._streams.read(
            address, after=after, through=through, limit=limit, max_bytes=max_bytes
        )
        self.on_read()
        return replace(page, messages=page.messages[1:]) if page and self.hole else page

    def vanish(self) -> None:
        """Hold nothing any more."""
        self._streams = MemoryStorage(WIDE)

    async def position_at(self, address: Address, timestamp: int) -> int | None:
        await self._through()
        return await self._streams.position_at(address, timestamp)

    async def newest_keys(self, address: Address, limit: int) -> Sequence[StoredKey]:
        return await self._streams.newest_keys(address, limit)

    async def trim(self, now: int) -> int:
        return await self._streams.trim(now)

    def problem(self) -> str | None:
        return self.trouble

    async def _through(self) -> None:
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure


async def settled() -> None:
    """Wait until every other task of this loop has ended and what it left behind was called."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    if others:
        await asyncio.wait(others)


async def advanced() -> None:
    """Let every task go on as far as it can in one turn of the loop."""
    turned = asyncio.Event()
    asyncio.get_running_loop().call_soon(turned.set)
    await turned.wait()
