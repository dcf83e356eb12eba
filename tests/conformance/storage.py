"""What every store must do: a driver, and a model to compare with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from arqonbus.errors import StorageError
from arqonbus.model.address import Address
from arqonbus.storage.interface import ChannelAppend, CommitResult, Lowered, Page, Storage
from arqonbus.storage.retention import Retention

# Of a tenant: what holds for it holds for the plain rooms of tenant `default` too.
ADDRESS = Address("acme/room", "channel")
EPOCH = "0123456789"
END = -1  # as `after`: wherever the stream ends
WIDE = Retention(max_messages=10_000, max_bytes=10_000_000)

# Opens a store with this retention; called again it opens what the first one left.
OpenStore = Callable[[Retention], Storage]


async def commit(storage: Storage, batch: Sequence[ChannelAppend]) -> Sequence[int]:
    """Append and wait for the commit; the first positions, or the first refusal is raised."""
    batch = [await _at_end(storage, item) for item in batch]
    done: asyncio.Future[CommitResult] = asyncio.get_running_loop().create_future()
    storage.append(batch, done.set_result)
    result = await done
    assert not isinstance(result, Lowered)
    for refused in [result] if isinstance(result, StorageError) else result:
        if refused is not None:
            raise refused
    return [item.after + 1 for item in batch]


async def _at_end(storage: Storage, item: ChannelAppend) -> ChannelAppend:
    if item.after != END:
        return item
    page = await storage.read(item.address, after=0, through=0, limit=1, max_bytes=1)
    return replace(item, after=page.info.last_seq if page else 0)


def append(
    bodies: Sequence[bytes], timestamp: int = 1, address: Address = ADDRESS, after: int = END
) -> ChannelAppend:
    return ChannelAppend(address, EPOCH, after, timestamp, list(bodies))


async def put(storage: Storage, *bodies: bytes, timestamp: int = 1) -> int:
    return (await commit(storage, [append(bodies, timestamp)]))[0]


async def read(storage: Storage, after: int = 0, limit: int = 1000, size: int = 10**9) -> Page:
    page = await storage.read(ADDRESS, after=after, through=2**53, limit=limit, max_bytes=size)
    assert page is not None
    return page


@dataclass
class Model:
    """What one stream should hold: bodies by position, and the oldest position kept."""

    retention: Retention
    kept: dict[int, tuple[int, bytes]] = field(default_factory=dict)
    last: int = 0

    def append(self, timestamp: int, bodies: Sequence[bytes]) -> None:
        for body in bodies:
            self.last += 1
            self.kept[self.last] = (timestamp, body)
        while len(self.kept) > self.retention.max_messages or self.size > self.retention.max_bytes:
            del self.kept[min(self.kept)]

    def trim(self, now: int) -> None:
        if self.retention.max_age is not None:
            oldest = now - int(self.retention.max_age * 1_000_000)
            self.kept = {seq: entry for seq, entry in self.kept.items() if entry[0] >= oldest}

    def forget_beyond(self, after: int) -> None:
        self.kept = {seq: entry for seq, entry in self.kept.items() if seq <= after}
        self.last = after

    def drop(self, through: int) -> None:
        self.kept = {seq: entry for seq, entry in self.kept.items() if seq > through}

    @property
    def size(self) -> int:
        return sum(len(body) for _, body in self.kept.values())

    @property
    def first(self) -> int:
        return min(self.kept, default=self.last + 1)
