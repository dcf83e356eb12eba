"""A journal of the bus itself: records in a channel of its own, read back at the next start."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

from arqonbus.errors import ArqonBusError, StorageError
from arqonbus.model.durability import Durability

if TYPE_CHECKING:
    from collections.abc import Callable

    from arqonbus.bus.bus import Bus
    from arqonbus.routing.hub import Done
    from arqonbus.storage.interface import Page, Storage

_PAGE = 1000
_PAGE_BYTES = 1024 * 1024


class Journal:
    """As durable as messages are, since it is a stream like theirs."""

    def __init__(self, bus: Bus, storage: Storage, name: str) -> None:
        self._bus = bus
        self._storage = storage
        self._name = name
        self._first = 1
        self._seen: tuple[str, Durability] | None = None
        # Whether the store was away when this was read: then it may hold records all the same.
        self.unread = False

    @property
    def away(self) -> bool:
        """Whether the store can't be reached. One that is there and keeps less than was demanded
        holds all there is: nothing in it is nothing.
        """
        return self._bus.condition.degraded and self._bus.hub.durability is Durability.MEMORY

    @property
    def length(self) -> int:
        """How many records a restart would read."""
        return self._bus.hub.own(self._name).last_seq - self._first + 1

    @property
    def end(self) -> int:
        """The newest record's position."""
        return self._bus.hub.own(self._name).last_seq

    async def read(self, apply: Callable[[int, bytes], None]) -> None:
        """Hand every record to `apply` with its position, in order.

        Raises:
            StorageError: the journal can't be read, or `apply` can't make sense of a record.
        """
        channel = self._bus.hub.own(self._name)
        after, more = 0, channel.stored
        while more:
            page = await self._bus.streams.read(
                channel, after=after, limit=_PAGE, max_bytes=_PAGE_BYTES
            )
            if page is None:
                break
            if after == 0:
                self._first = page.info.first_seq
            for message in page.messages:
                try:
                    apply(message.seq, message.body)
                except (msgspec.DecodeError, LookupError, ValueError) as error:
                    where = f"{channel.address}: record {message.seq}"
                    raise StorageError(f"{where} can't be read: {error}") from error
                after = message.seq
            more = page.more
        self.unread = after == 0 and self.away
        self.renewed()

    def write(
        self,
        record: msgspec.Struct,
        done: Done,
        require: Durability | None = None,
    ) -> None:
        """Have a record stored with the next commit; `done` is told its position, or why not."""
        self.put(msgspec.json.encode(record), done, require)

    def put(self, body: bytes, done: Done, require: Durability | None = None) -> None:
        """The same for a record that is encoded already."""
        self._bus.post(self._bus.hub.own(self._name), body, done, require=require)

    async def page(self, *, after: int, limit: int, max_bytes: int = _PAGE_BYTES) -> Page | None:
        """Records behind position `after`; None when nothing was ever stored.

        Raises:
            StorageError: the journal can't be read.
        """
        channel = self._bus.hub.own(self._name)
        if not channel.stored:
            return None
        return await self._bus.streams.read(channel, after=after, limit=limit, max_bytes=max_bytes)

    async def position_at(self, timestamp: int) -> int:
        """The position before the first record that was committed at `timestamp` (µs) or later.

        Raises:
            StorageError: the journal can't be read.
        """
        address = self._bus.hub.own(self._name).address
        return await self._storage.position_at(address, timestamp) or 0

    @property
    def epoch(self) -> str:
        """Changes when the stream was lost."""
        return self._bus.hub.own(self._name).epoch

    async def drop(self, through: int) -> None:
        """Remove the records up to position `through`.

        Raises:
            StorageError: the store can't be reached.
        """
        await self._storage.drop(self._bus.hub.own(self._name).address, through)

    def renewed(self) -> bool:
        """Whether, since the last call, the stream began anew or what is stored from now on is
        safer than what is there: then the journal should be written afresh. Also while a store
        that is back is still to be read.
        """
        hub = self._bus.hub
        channel = hub.own(self._name)
        before, self._seen = self._seen, (channel.epoch, hub.durability)
        if before is not None and before[0] != channel.epoch:
            self._first = channel.first_seq
            return True
        if self.unread and not self.away:
            return True
        return before is not None and before[1] < hub.durability

    async def shorten(self, keep: int) -> None:
        """Remove the records before position `keep`.

        Raises:
            StorageError: the store can't be reached.
        """
        if keep > self._first:
            await self.drop(keep - 1)
            self._first = keep


async def stored(write: Callable[[Done], None]) -> int:
    """The position of what `write` hands in, once it is stored. Whoever waits may be cancelled.

    Raises:
        ArqonBusError: why it is not stored.
    """
    outcome: asyncio.Future[int | ArqonBusError] = asyncio.get_running_loop().create_future()

    def told(result: int | ArqonBusError) -> None:
        if not outcome.done():
            outcome.set_result(result)

    write(told)
    result = await outcome
    if isinstance(result, ArqonBusError):
        raise result
    return result
