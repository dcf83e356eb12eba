"""Reading streams whose older part is in the primary and whose newest is in memory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from arqonbus.errors import StorageError
from arqonbus.model.address import Address
from arqonbus.model.stream import StreamInfo
from arqonbus.storage.chunks import Stream
from arqonbus.storage.fallback.buffer import Buffer
from arqonbus.storage.interface import Page, Storage, StoredKey

T = TypeVar("T")


class Reads:
    """Reads across the border between both; never as if what can't be read were not there.

    `first_known` is the oldest position of each stream of the primary, as it was last seen.
    """

    def __init__(self, primary: Storage, buffer: Buffer) -> None:
        self.first_known: dict[Address, int] = {}
        self._primary = primary
        self._buffer = buffer

    async def page(
        self, address: Address, after: int, through: int, limit: int, max_bytes: int
    ) -> Page | None:
        """See `Storage.read`."""

        async def look(stream: Stream | None) -> Page | None:
            border = through if stream is None else min(through, stream.first_seq - 1)
            if stream is not None and after >= border:
                return self._newest(address, stream, after, through, limit, max_bytes)
            older = await self._primary.read(
                address, after=after, through=border, limit=limit, max_bytes=max_bytes
            )
            if stream is None:
                return older
            return self._both(_fitting(older, stream), stream, through, limit, max_bytes)

        page = await self._asked(address, look)
        if page is not None:
            self.first_known[address] = page.info.first_seq
        return page

    async def position_at(self, address: Address, timestamp: int) -> int | None:
        """See `Storage.position_at`."""

        async def look(stream: Stream | None) -> int | None:
            if stream is None:
                return await self._primary.position_at(address, timestamp)
            before, older = stream.first_seq - 1, stream.older_than(timestamp)
            if older or not before:
                return before + older
            position = await self._primary.position_at(address, timestamp)
            if position is None:
                raise StorageError(f"{address} is not in the store")
            return min(position, before)

        return await self._asked(address, look)

    async def newest_keys(self, address: Address, limit: int) -> Sequence[StoredKey]:
        """See `Storage.newest_keys`."""

        async def look(stream: Stream | None) -> Sequence[StoredKey]:
            if stream is None:
                return await self._primary.newest_keys(address, limit)
            newest = stream.newest_keys(limit)
            if len(newest) == limit or stream.first_seq == 1:
                return newest
            return [*await self._older_keys(address, stream.first_seq, limit), *newest][-limit:]

        return await self._asked(address, look)

    async def _asked(self, address: Address, look: Callable[[Stream | None], Awaitable[T]]) -> T:
        """What `look` finds while the border between primary and memory stays where it is."""
        while True:
            stream = self._buffer.streams.get(address)
            if stream is None:
                return await look(None)
            border = (stream.epoch, stream.first_seq)
            try:
                found = await look(stream)
            except StorageError as error:
                raise StorageError(
                    f"older messages of {address} can't be read at present: {error.message}"
                ) from error
            if self._buffer.streams.get(address) is stream and border == (
                stream.epoch,
                stream.first_seq,
            ):
                return found

    async def _older_keys(self, address: Address, border: int, limit: int) -> list[StoredKey]:
        """The newest of the primary's below `border`; what lies beyond was refused."""
        asked = limit
        while True:
            found = await self._primary.newest_keys(address, asked)
            older = [stored for stored in found if stored.seq < border]
            if len(older) >= limit or len(found) < asked:
                return older
            asked *= 2

    def _newest(
        self,
        address: Address,
        stream: Stream,
        after: int,
        through: int,
        limit: int,
        max_bytes: int,
    ) -> Page:
        messages, more = stream.read(after=after, through=through, limit=limit, max_bytes=max_bytes)
        first = min(self.first_known.get(address, 1), stream.first_seq)
        info = StreamInfo(
            address, stream.epoch, first, stream.last_seq, stream.size, stream.last_timestamp
        )
        return Page(messages, info, more)

    def _both(self, older: Page, stream: Stream, through: int, limit: int, max_bytes: int) -> Page:
        """The primary's page, continued with what is in memory if there is room for more."""
        info = self._buffer.joined(older.info)
        if older.more:
            return Page(older.messages, info, more=True)
        newest, more = stream.read(
            after=stream.first_seq - 1,
            through=through,
            limit=limit - len(older.messages),
            max_bytes=max_bytes - sum(len(message.body) for message in older.messages),
        )
        return Page((*older.messages, *newest), info, more)


def _fitting(older: Page | None, stream: Stream) -> Page:
    """The primary's page if it is of this stream and reaches up to what is in memory."""
    if older is None:
        raise StorageError("the store does not hold this stream")
    if older.info.epoch != stream.epoch or older.info.last_seq < stream.first_seq - 1:
        raise StorageError("the store lost positions of this stream")
    return older
