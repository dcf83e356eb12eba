"""The schedule together with its journal: what is changed in one is noted in the other."""

from __future__ import annotations

import asyncio
import heapq
from typing import TYPE_CHECKING

import msgspec

from arqonbus.bus.journal import stored
from arqonbus.delayed.records import AnyRecord, Ended, Later, item_of, later
from arqonbus.delayed.schedule import Item, Key, Schedule
from arqonbus.errors import ArqonBusError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from arqonbus.bus.clock import Clock
    from arqonbus.bus.journal import Journal
    from arqonbus.routing.hub import Done

# Records that the journal may hold beyond those needed before it is shortened.
_SLACK = 4096
_CHUNK = 1024

_decode = msgspec.json.Decoder(AnyRecord).decode


class Book:
    """Keeps the journal in step with the schedule. `wake` tells that something may be due."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self.schedule = Schedule()
        self.wake = asyncio.Event()
        self._journal = journal
        self._clock = clock
        # By tenant, so that no number tells one what others keep.
        self._last: dict[str, int] = {}
        # What ended while the journal is still to be read.
        self._ended: set[Key] = set()

    async def read(self) -> None:
        """Know what the journal tells and is not known yet.

        Raises:
            StorageError: it can't be read.
        """
        found: dict[Key, Item] = {}

        def apply(seq: int, body: bytes) -> None:
            record = _decode(body)
            if isinstance(record, Later):
                found[record.whose] = item_of(record, seq)
            else:
                found.pop(record.whose, None)

        await self._journal.read(apply)
        for item in found.values():
            tenant = item.key.address.tenant
            self._last[tenant] = max(self._last.get(tenant, 0), item.number)
            if item.key not in self._ended and self.schedule.get(item.key) is None:
                self.schedule.add(item)
                self.queue(item)
        self._ended.clear()

    def next_number(self, tenant: str) -> int:
        """A number above all before of the tenant, as far as the clock tells also of what is not
        read yet.
        """
        number = self._last[tenant] = max(self._last.get(tenant, 0) + 1, self._clock())
        return number

    def write(self, item: Item, done: Done) -> None:
        """Note an item; `done` is told its record's position, or why there is none."""
        self._journal.write(later(item), done, item.require)

    def end(self, item: Item, done: Done) -> None:
        """Note that an item, which is busy, needs no delivery any more; then forget it."""

        def told(result: int | ArqonBusError) -> None:
            if not isinstance(result, ArqonBusError):
                self.schedule.remove(item)
                if self._journal.unread:
                    self._ended.add(item.key)
            done(result)

        self._journal.write(Ended(**item.key._asdict()), told)

    def queue(self, item: Item, at: int | None = None) -> None:
        """Let an item be due at its time, or at another one."""
        self.schedule.queue(item, at)
        self.wake.set()

    async def tidy(self) -> None:
        """Write anew what the journal lost or should hold more safely, and shorten it when it is
        long beside what is still needed.

        Raises:
            ArqonBusError: the store refused; nothing that is needed was removed.
        """
        schedule, journal = self.schedule, self._journal
        if journal.renewed():
            if journal.unread:
                await self.read()
            for item in schedule:
                item.stale = True
        while stale := [item for item in schedule if item.stale and not item.busy][:_CHUNK]:
            await self._write_again(stale)
        if self._long:
            needed = (item.seq for item in schedule if item.seq)
            # First this: a journal that can't be shortened now must not grow instead.
            await journal.shorten(min(needed, default=journal.end + 1))
        if self._long:
            idle = [item for item in schedule if not item.busy]
            await self._write_again(heapq.nsmallest(_CHUNK, idle, key=lambda item: item.seq))

    @property
    def _long(self) -> bool:
        return self._journal.length > _SLACK + 2 * len(self.schedule)

    async def _write_again(self, items: Sequence[Item]) -> None:
        """Move records to the journal's end. An end noted meanwhile comes behind them."""

        def write(item: Item) -> Callable[[Done], None]:
            return lambda done: self._journal.write(later(item), done)

        for item, seq in zip(
            items, await asyncio.gather(*(stored(write(item)) for item in items)), strict=True
        ):
            item.seq, item.stale = seq, False
