"""A journal of the bus itself: records in a channel of its own, read back at the next start."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from arqonbus.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from arqonbus.bus.bus import Bus
    from arqonbus.model.durability import Durability
    from arqonbus.storage.interface import Storage

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
        after, more = 0, True
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
        self.renewed()

    def write(
        self,
        record: msgspec.Struct,
        done: Callable[[int | StorageError], None],
        require: Durability | None = None,
    ) -> None:
        """Have a record stored with the next commit; `done` is told its position, or why not."""
        body = msgspec.json.encode(record)
        self._bus.post(self._bus.hub.own(self._name), body, done, require=require)

    def renewed(self) -> bool:
        """Whether, since the last call, the stream began anew or what is stored from now on is
        safer than what is there: then the journal should be written afresh.
        """
        hub = self._bus.hub
        before, self._seen = self._seen, (hub.own(self._name).epoch, hub.durability)
        if before is None:
            return False
        return before[0] != self._seen[0] or before[1] < self._seen[1]

    async def shorten(self, keep: int) -> None:
        """Remove the records before position `keep`.

        Raises:
            StorageError: the store can't be reached.
        """
        if keep > self._first:
            await self._storage.drop(self._bus.hub.own(self._name).address, keep - 1)
            self._first = keep
