"""Streams in this process' memory: fast, and gone with it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from arqonbus.model.address import Address
from arqonbus.model.capability import Capability
from arqonbus.model.durability import Durability
from arqonbus.model.stream import StreamInfo
from arqonbus.storage.interface import (
    Adopt,
    ChannelAppend,
    OnCommit,
    Page,
    StoredKey,
    StoredMessage,
    StreamLostError,
)
from arqonbus.storage.retention import Retention


@dataclass(slots=True)
class _Chunk:
    """What one append brought: appending costs the same for one message and for many."""

    first_seq: int
    timestamp: int
    bodies: Sequence[bytes]
    keys: Mapping[int, str]
    size: int

    def without(self, count: int) -> _Chunk:
        """The rest when the first `count` messages are gone."""
        gone = sum(map(len, self.bodies[:count]))
        keys = {index - count: key for index, key in self.keys.items() if index >= count}
        return _Chunk(
            self.first_seq + count, self.timestamp, self.bodies[count:], keys, self.size - gone
        )


@dataclass(slots=True)
class _Stream:
    epoch: str
    chunks: list[_Chunk] = field(default_factory=list)
    first_seq: int = 1
    last_seq: int = 0
    size: int = 0
    last_timestamp: int = 0

    def append(self, item: ChannelAppend) -> None:
        size = sum(map(len, item.bodies))
        chunk = _Chunk(self.last_seq + 1, item.timestamp, item.bodies, item.keys, size)
        self.chunks.append(chunk)
        self.last_seq += len(item.bodies)
        self.size += size
        self.last_timestamp = item.timestamp

    def apply(self, retention: Retention) -> None:
        """Remove from the old end what is beyond count and bytes; always in whole messages."""
        surplus = self.last_seq - self.first_seq + 1 - retention.max_messages
        if surplus > 0:
            self.drop(surplus)
        while self.size > retention.max_bytes and self.first_seq <= self.last_seq:
            chunk = self.chunks[0]
            excess, count = self.size - retention.max_bytes, 0
            for body in chunk.bodies:
                if excess <= 0:
                    break
                excess -= len(body)
                count += 1
            self.drop(count)

    def drop(self, count: int) -> None:
        """Remove the oldest `count` messages."""
        self.first_seq += count
        whole = 0
        for chunk in self.chunks:
            if count < len(chunk.bodies):
                break
            count -= len(chunk.bodies)
            self.size -= chunk.size
            whole += 1
        del self.chunks[:whole]
        if count:
            chunk = self.chunks[0]
            self.chunks[0] = rest = chunk.without(count)
            self.size -= chunk.size - rest.size

    def older_than(self, timestamp: int) -> int:
        """How many messages have a commit time before `timestamp`."""
        at = bisect_left(self.chunks, timestamp, key=lambda chunk: chunk.timestamp)
        return (self.chunks[at].first_seq if at < len(self.chunks) else self.last_seq + 1) - (
            self.first_seq
        )


class MemoryStorage:
    """Implements `storage.interface.Storage`; commits within `append`."""

    durability = Durability.MEMORY
    capabilities = frozenset({Capability.GROUPS, Capability.DELAYED})

    def __init__(self, retention: Retention) -> None:
        self._retention = retention
        # A little over the bound, so that a long stream is not cut with every single append.
        self._trim_above = retention.max_messages + retention.max_messages // 64
        self._streams: dict[Address, _Stream] = {}

    async def open(self) -> Sequence[StreamInfo]:
        """See `Storage.open`: there is never anything to find."""
        return [self._info(address, stream) for address, stream in self._streams.items()]

    async def close(self) -> None:
        """See `Storage.close`."""

    def append(self, batch: Sequence[ChannelAppend], on_commit: OnCommit) -> None:
        """See `Storage.append`."""
        on_commit([self._append(item) for item in batch])

    def _append(self, item: ChannelAppend) -> StreamLostError | None:
        stream = self._streams.get(item.address)
        if stream is None and item.after == 0:
            stream = self._streams[item.address] = _Stream(item.epoch)
        if stream is None or stream.epoch != item.epoch or stream.last_seq != item.after:
            return StreamLostError(f"{item.address}: the stream does not end at {item.after}")
        stream.append(item)
        retention = self._retention
        if retention.spares(item.address):
            return None
        if (
            stream.last_seq - stream.first_seq >= self._trim_above
            or stream.size > retention.max_bytes
        ):
            stream.apply(retention)
        return None

    async def create(self, address: Address, epoch: str) -> StreamInfo:
        """See `Storage.create`."""
        return self._info(address, self._streams.setdefault(address, _Stream(epoch)))

    async def restart(self, address: Address, epoch: str) -> StreamInfo:
        """See `Storage.restart`."""
        stream = self._streams.setdefault(address, _Stream(epoch))
        stream.epoch = epoch
        return self._info(address, stream)

    async def delete(self, address: Address) -> bool:
        """See `Storage.delete`."""
        return self._streams.pop(address, None) is not None

    async def read(
        self, address: Address, *, after: int, through: int, limit: int, max_bytes: int
    ) -> Page | None:
        """See `Storage.read`."""
        stream = self._streams.get(address)
        if stream is None:
            return None
        messages: list[StoredMessage] = []
        size = 0
        start = max(0, bisect_right(stream.chunks, after, key=lambda c: c.first_seq) - 1)
        for chunk in stream.chunks[start:]:
            for seq, body in enumerate(chunk.bodies, chunk.first_seq):
                if seq <= after:
                    continue
                if seq > through:
                    return Page(tuple(messages), self._info(address, stream), more=False)
                if len(messages) == limit or (messages and size + len(body) > max_bytes):
                    return Page(tuple(messages), self._info(address, stream), more=True)
                messages.append(StoredMessage(seq, chunk.timestamp, body))
                size += len(body)
        return Page(tuple(messages), self._info(address, stream), more=False)

    async def position_at(self, address: Address, timestamp: int) -> int | None:
        """See `Storage.position_at`."""
        stream = self._streams.get(address)
        if stream is None:
            return None
        return stream.first_seq - 1 + stream.older_than(timestamp)

    async def newest_keys(self, address: Address, limit: int) -> Sequence[StoredKey]:
        """See `Storage.newest_keys`."""
        stream = self._streams.get(address)
        chunks = stream.chunks if stream is not None else ()
        found = (
            StoredKey(chunk.first_seq + index, chunk.keys[index], chunk.bodies[index])
            for chunk in reversed(chunks)
            for index in sorted(chunk.keys, reverse=True)
        )
        return list(islice(found, limit))[::-1]

    async def drop(self, address: Address, through: int) -> None:
        """See `Storage.drop`."""
        stream = self._streams.get(address)
        if stream is not None:
            stream.drop(max(0, min(through, stream.last_seq) - stream.first_seq + 1))

    async def trim(self, now: int) -> int:
        """See `Storage.trim`."""
        if self._retention.max_age is None:
            return 0
        oldest = now - int(self._retention.max_age * 1_000_000)
        removed = 0
        for address, stream in self._streams.items():
            if self._retention.spares(address):
                continue
            count = stream.older_than(oldest)
            stream.drop(count)
            removed += count
        return removed

    async def probe(self, adopt: Adopt) -> None:
        """See `Storage.probe`: memory is always there."""

    def problem(self) -> str | None:
        """See `Storage.problem`."""
        return None

    def shortfall(self) -> str | None:
        """See `Storage.shortfall`."""
        return None

    @staticmethod
    def _info(address: Address, stream: _Stream) -> StreamInfo:
        return StreamInfo(
            address,
            stream.epoch,
            stream.first_seq,
            stream.last_seq,
            stream.size,
            stream.last_timestamp,
        )
