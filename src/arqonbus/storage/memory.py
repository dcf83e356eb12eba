"""Streams in this process' memory: fast, and gone with it."""

from __future__ import annotations

from collections.abc import Sequence

from arqonbus.model.address import Address
from arqonbus.model.capability import Capability
from arqonbus.model.durability import Durability
from arqonbus.model.stream import StreamInfo
from arqonbus.storage.chunks import Stream
from arqonbus.storage.interface import (
    Adopt,
    ChannelAppend,
    OnCommit,
    Page,
    StoredKey,
    StreamLostError,
)
from arqonbus.storage.retention import Retention


class MemoryStorage:
    """Implements `storage.interface.Storage`; commits within `append`."""

    durability = Durability.MEMORY
    capabilities = frozenset({Capability.GROUPS, Capability.DELAYED})

    def __init__(self, retention: Retention) -> None:
        self._retention = retention
        # A little over the bound, so that a long stream is not cut with every single append.
        self._trim_above = retention.max_messages + retention.max_messages // 64
        self._streams: dict[Address, Stream] = {}

    async def open(self) -> Sequence[StreamInfo]:
        """See `Storage.open`: there is never anything to find."""
        return [stream.info(address) for address, stream in self._streams.items()]

    async def close(self) -> None:
        """See `Storage.close`."""

    def append(self, batch: Sequence[ChannelAppend], on_commit: OnCommit) -> None:
        """See `Storage.append`."""
        on_commit([self._append(item) for item in batch])

    def _append(self, item: ChannelAppend) -> StreamLostError | None:
        stream = self._streams.get(item.address)
        if stream is None and item.after == 0:
            stream = self._streams[item.address] = Stream(item.epoch)
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
        return self._streams.setdefault(address, Stream(epoch)).info(address)

    async def restart(self, address: Address, epoch: str) -> StreamInfo:
        """See `Storage.restart`."""
        stream = self._streams.setdefault(address, Stream(epoch))
        stream.epoch = epoch
        return stream.info(address)

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
        messages, more = stream.read(after=after, through=through, limit=limit, max_bytes=max_bytes)
        return Page(messages, stream.info(address), more)

    async def position_at(self, address: Address, timestamp: int) -> int | None:
        """See `Storage.position_at`."""
        stream = self._streams.get(address)
        if stream is None:
            return None
        return stream.first_seq - 1 + stream.older_than(timestamp)

    async def newest_keys(self, address: Address, limit: int) -> Sequence[StoredKey]:
        """See `Storage.newest_keys`."""
        stream = self._streams.get(address)
        return [] if stream is None else stream.newest_keys(limit)

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
