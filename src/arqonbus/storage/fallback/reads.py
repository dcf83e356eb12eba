"""Reading streams whose older part is in the primary and whose newest is in memory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import NamedTuple, TypeVar

from arqonbus.errors import StorageError
from arqonbus.model.address import Address
from arqonbus.storage.chunks import Stream
from arqonbus.storage.fallback.buffer import Buffer, joined
from arqonbus.storage.interface import Page, Storage, StoredKey

T = TypeVar("T")


class Range(NamedTuple):
    """What a read asks for; see `Storage.read`."""

    after: int
    through: int
    limit: int
    max_bytes: int


class Reads:
    """Reads across the border between both; never as if what can't be read were not there.

    `first_known` is the oldest position of each stream of the primary, as it was last seen.
    """

    def __init__(self, primary: Storage, buffer: Buffer) -> None:
        self.first_known: dict[Address, int] = {}
        self._primary = primary
        self._buffer = buffer

    async def page(self, address: Address, asked: Range) -> Page | None:
        """See `Storage.read`."""

        async def look(stream: Stream | None) -> Page | None:
            if stream is None:
                return await self._older(address, asked)
            border = min(asked.through, stream.first_seq - 1)
            if asked.after >= border:
                return self._newest(address, stream, asked)
            older = await self._older(address, asked._replace(through=border))
            return self._both(_fitting(older, stream), stream, asked)

        return await self._settled(address, look)

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

        return await self._settled(address, look)

    async def newest_keys(self, address: Address, limit: int) -> Sequence[StoredKey]:
        """See `Storage.newest_keys`."""

        async def look(stream: Stream | None) -> Sequence[StoredKey]:
            if stream is None:
                return await self._primary.newest_keys(address, limit)
            newest = stream.newest_keys(limit)
            if len(newest) == limit or stream.first_seq == 1:
                return newest
            return [*await self._older_keys(address, stream.first_seq, limit), *newest][-limit:]

        return await self._settled(address, look)

    async def _settled(self, address: Address, look: Callable[[Stream | None], Awaitable[T]]) -> T:
        """What `look` finds while the border between primary and memory stays where it is."""
        while True:
            stream = self._buffer.streams.get(address)
            if stream is None:
                return await look(None)
            border = (stream.epoch, stream.first_seq)
            try:
                found = await look(stream)
            except StorageError as error:
                if self._is_at(address, stream, border):
                    raise StorageError(
                        f"older messages of {address} can't be read at present: {error.message}"
                    ) from error
            else:
                if self._is_at(address, stream, border):
                    return found

    def _is_at(self, address: Address, stream: Stream, border: tuple[str, int]) -> bool:
        same = self._buffer.streams.get(address) is stream
        return same and (stream.epoch, stream.first_seq) == border

    async def _older_keys(self, address: Address, border: int, limit: int) -> list[StoredKey]:
        """The newest of the primary's below `border`; what lies beyond was refused."""
        asked = limit
        while True:
            found = await self._primary.newest_keys(address, asked)
            older = [stored for stored in found if stored.seq < border]
            if len(older) >= limit or len(found) < asked:
                return older
            asked *= 2

    async def _older(self, address: Address, asked: Range) -> Page | None:
        after, through, limit, max_bytes = asked
        page = await self._primary.read(
            address, after=after, through=through, limit=limit, max_bytes=max_bytes
        )
        if page is not None:
            self.first_known[address] = page.info.first_seq
        return page

    def _newest(self, address: Address, stream: Stream, asked: Range) -> Page:
        messages, more = stream.read(**asked._asdict())
        first = min(self.first_known.get(address, 1), stream.first_seq)
        return Page(messages, replace(stream.info(address), first_seq=first), more)

    @staticmethod
    def _both(older: Page, stream: Stream, asked: Range) -> Page:
        """The primary's page, continued with what is in memory if there is room for more."""
        info = joined(older.info, stream)
        if older.more:
            return Page(older.messages, info, more=True)
        newest, more = stream.read(
            after=stream.first_seq - 1,
            through=asked.through,
            limit=asked.limit - len(older.messages),
            max_bytes=asked.max_bytes - sum(len(message.body) for message in older.messages),
        )
        return Page((*older.messages, *newest), info, more)


def _fitting(older: Page | None, stream: Stream) -> Page:
    """The primary's page if it is of this stream and reaches up to what is in memory."""
    if older is None:
        raise StorageError("the store does not hold this stream")
    if older.info.epoch != stream.epoch or older.info.last_seq < stream.first_seq - 1:
        raise StorageError("the store lost positions of this stream")
    return older
