"""From the backlog into the stream: one block at a time, each stored whole or not at all."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import msgspec
import structlog

from arqonbus.audit.chain import Chain
from arqonbus.audit.records import Entry, Members, block, records_of
from arqonbus.bus.journal import stored
from arqonbus.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from arqonbus.audit.backlog import Backlog
    from arqonbus.bus.clock import Clock
    from arqonbus.bus.journal import Journal

log = structlog.get_logger(__name__)

_BLOCK: Final = 64


class Writer:
    """Used by one task at a time: the next block is sealed when the one before is stored or
    refused, so what the store holds is a chain whatever it refuses, and whenever the bus is killed.
    """

    def __init__(self, journal: Journal, backlog: Backlog, clock: Clock) -> None:
        self.backlog = backlog
        self._journal = journal
        self._clock = clock
        self._chain = Chain()
        self._epoch = ""

    async def find_end(self, why: str) -> Members | None:
        """Go on behind the last record that the stream holds, or begin a chain because of `why`.

        Raises:
            StorageError: the stream can't be read.
        """
        epoch = self._journal.epoch
        try:
            last = await self._last()
        except (msgspec.DecodeError, ValueError):
            last, why = None, "the last record can't be read"
        if epoch != self._journal.epoch:
            raise StorageError("the stream of the audit log began anew while it was read")
        if last is not None and self._chain.head in {None, last["hash"]}:
            self._chain.go_on(last)
        else:
            fresh = self._chain.head is None and self._journal.end == 0
            say = log.info if fresh else log.warning
            say("the audit log begins a new chain", why=why)
            self._chain.begin(why, self._clock())
        self._epoch = epoch
        return last

    async def write(self) -> None:
        """Store all that waits.

        Raises:
            ArqonBusError: it can't be; what nobody waits for is kept for the next time. So it is
                after any other error, which is a fault of the bus.
        """
        while len(self.backlog):
            entries: list[Entry] = []
            try:
                if self._journal.epoch != self._epoch:
                    await self.find_end("the stream was lost")
                entries = self.backlog.take(_BLOCK)
                await self._store(entries)
            except Exception as error:
                self.backlog.give_back(one for one in entries if one.told is None)
                _refuse([*entries, *self.backlog.withdraw()], error)
                raise

    async def _store(self, entries: list[Entry]) -> None:
        records = self._chain.sealed(entries)
        body = block(records)
        await stored(lambda done: self._journal.put(body, done))
        self._chain.go_on(records[-1])
        for one in entries:
            if one.told is not None and not one.told.done():
                one.told.set_result(None)

    async def _last(self) -> Members | None:
        page = await self._journal.page(after=max(0, self._journal.end - 1), limit=1)
        if page is None or not page.messages:
            return None
        return records_of(page.messages[-1].body)[-1]


def _refuse(entries: Iterable[Entry], error: Exception) -> None:
    for one in entries:
        if one.told is not None and not one.told.done():
            one.told.set_exception(error)


def waiting(one: Entry) -> asyncio.Future[None]:
    """Have whoever holds the future told what became of a record."""
    one.told = asyncio.get_running_loop().create_future()
    return one.told
