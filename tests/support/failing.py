"""A store that fails on command; what it holds outlives it, as a server's data does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from arqonbus.errors import StorageError
from arqonbus.model.address import Address
from arqonbus.model.capability import Capability
from arqonbus.model.durability import Durability
from arqonbus.model.stream import StreamInfo
from arqonbus.storage.interface import (
    Adopt,
    ChannelAppend,
    CommitResult,
    Lowered,
    OnCommit,
    Page,
    StoredKey,
    StoredMessage,
    StreamLostError,
)


@dataclass
class Kept:
    """A stream as the server holds it: time, body and key by position."""

    epoch: str
    first: int = 1
    last: int = 0
    messages: dict[int, tuple[int, bytes, str | None]] = field(default_factory=dict)

    def cut(self, after: int) -> None:
        """Lose what lies beyond `after`."""
        if after >= self.last:
            return
        self.last = after
        self.first = min(self.first, self.last + 1)
        self.messages = {seq: kept for seq, kept in self.messages.items() if seq <= after}

    def append(self, item: ChannelAppend) -> None:
        self.cut(item.after)
        for index, body in enumerate(item.bodies):
            self.last += 1
            self.messages[self.last] = (item.timestamp, body, item.keys.get(index))

    def info(self, address: Address) -> StreamInfo:
        size = sum(len(body) for _, body, _ in self.messages.values())
        newest = self.messages.get(self.last, (0, b"", None))[0]
        return StreamInfo(address, self.epoch, self.first, self.last, size, newest)


class FailingServer:
    """Where the streams are. `down`: nothing works; `full`: it can only be read.

    `turns` is how long a commit takes. `outcomes` are used up by commits while it is down: whether
    one is stored though it fails.
    """

    def __init__(self, *, down: bool = False) -> None:
        self.streams: dict[Address, Kept] = {}
        self.down, self.full = down, False
        self.turns = 1
        self.outcomes: list[bool] = []
        self.lowered: list[Durability] = []
        self.at_append: Callable[[], object] = lambda: None
        self.at_commit: Callable[[Sequence[ChannelAppend]], None] | None = None
        self.batches: list[Sequence[ChannelAppend]] = []

    def come_up(self) -> None:
        self.down = False

    def bodies(self, address: Address) -> list[bytes]:
        kept = self.streams[address].messages
        return [kept[seq][1] for seq in sorted(kept)]


class FailingStorage:
    """Implements `storage.interface.Storage` on a `FailingServer`; commits in a later turn."""

    durability = Durability.DISK
    capabilities = frozenset(Capability)

    def __init__(self, server: FailingServer) -> None:
        self._server = server
        self._open = False
        self._in_flight = False

    async def open(self) -> Sequence[StreamInfo]:
        assert not self._open, "opened twice"
        await asyncio.sleep(0)
        self._check(writing=True)
        self._open = True
        return [kept.info(address) for address, kept in self._server.streams.items()]

    async def close(self) -> None:
        while self._in_flight:  # noqa: ASYNC110 - the commit is due in a few turns
            await asyncio.sleep(0)
        self._open = False

    def append(self, batch: Sequence[ChannelAppend], on_commit: OnCommit) -> None:
        assert not self._in_flight, "a second append before the first was answered"
        self._in_flight = True
        self._server.at_append()
        self._commit(list(batch), on_commit, self._server.turns)

    def _commit(self, batch: list[ChannelAppend], on_commit: OnCommit, turns: int) -> None:
        if turns:
            asyncio.get_running_loop().call_soon(self._commit, batch, on_commit, turns - 1)
            return
        if self._server.at_commit is not None:
            self._server.at_commit(batch)
        self._server.batches.append(batch)
        self._in_flight = False
        on_commit(self._result(batch))

    def _result(self, batch: list[ChannelAppend]) -> CommitResult:
        server = self._server
        if not self._open:
            return StorageError("the store is closed")
        if server.lowered:
            self.durability = server.lowered.pop()
            return Lowered(self.durability)
        if server.down or server.full:
            if server.outcomes and server.outcomes.pop():
                self._append(batch)
            return StorageError("the server is down")
        return self._append(batch)

    def _append(self, batch: list[ChannelAppend]) -> list[StorageError | None]:
        return [self._append_one(item) for item in batch]

    def _append_one(self, item: ChannelAppend) -> StorageError | None:
        if item.after == 0:
            self._server.streams.setdefault(item.address, Kept(item.epoch))
        kept = self._server.streams.get(item.address)
        if kept is None or kept.epoch != item.epoch or kept.last < item.after:
            return StreamLostError(f"{item.address} does not end at {item.after}")
        kept.append(item)
        return None

    async def create(self, address: Address, epoch: str) -> StreamInfo:
        await self._reached(writing=True)
        return self._server.streams.setdefault(address, Kept(epoch)).info(address)

    async def restart(self, address: Address, epoch: str) -> StreamInfo:
        await self._reached(writing=True)
        kept = self._server.streams.setdefault(address, Kept(epoch))
        kept.epoch = epoch
        return kept.info(address)

    async def delete(self, address: Address) -> bool:
        await self._reached(writing=True)
        return self._server.streams.pop(address, None) is not None

    async def read(
        self, address: Address, *, after: int, through: int, limit: int, max_bytes: int
    ) -> Page | None:
        await self._reached()
        kept = self._server.streams.get(address)
        if kept is None:
            return None
        found = [
            StoredMessage(seq, *kept.messages[seq][:2])
            for seq in sorted(kept.messages)
            if after < seq <= through
        ]
        size, count = 0, 0
        for message in found[:limit]:
            size += len(message.body)
            if count and size > max_bytes:
                break
            count += 1
        return Page(tuple(found[:count]), kept.info(address), count < len(found))

    async def position_at(self, address: Address, timestamp: int) -> int | None:
        await self._reached()
        kept = self._server.streams.get(address)
        if kept is None:
            return None
        later = [seq for seq, (time, *_) in kept.messages.items() if time >= timestamp]
        return min(later, default=kept.last + 1) - 1

    async def newest_keys(self, address: Address, limit: int) -> Sequence[StoredKey]:
        await self._reached()
        kept = self._server.streams.get(address)
        messages = sorted(kept.messages.items()) if kept else []
        return [StoredKey(seq, key, body) for seq, (_, body, key) in messages if key][-limit:]

    async def drop(self, address: Address, through: int) -> None:
        await self._reached(writing=True)
        kept = self._server.streams.get(address)
        if kept is None:
            return
        for seq in range(kept.first, min(through, kept.last) + 1):
            del kept.messages[seq]
            kept.first = seq + 1

    async def trim(self, now: int) -> int:
        await self._reached(writing=True)
        return now * 0

    async def probe(self, adopt: Adopt) -> None:
        del adopt
        await asyncio.sleep(0)

    def problem(self) -> str | None:
        try:
            self._check(writing=True)
        except StorageError as error:
            return error.message
        return None

    def shortfall(self) -> str | None:
        return None if self.durability is Durability.DISK else "the server's settings"

    async def _reached(self, *, writing: bool = False) -> None:
        await asyncio.sleep(0)
        if not self._open:
            raise StorageError("the store is closed")
        self._check(writing=writing)

    def _check(self, *, writing: bool) -> None:
        if self._server.down or (writing and self._server.full):
            raise StorageError("the server is down")
