"""Publishes each delayed message when its time has come, and notes that it did."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import structlog

from arqonbus.errors import ArqonBusError, StorageError

if TYPE_CHECKING:
    from arqonbus.bus.bus import Bus
    from arqonbus.delayed.book import Book
    from arqonbus.delayed.schedule import Item
    from arqonbus.telemetry.metrics import Metrics

# The longest rest, so that a clock that jumped is noticed; and the pause after a failure.
_PAUSE = 1.0
_SHORTEST = 0.002
# The longest pause of one that asks for more than can be had at present.
_LONGEST = 60.0
# Deliveries under way at a time.
_AT_ONCE = 1024

log = structlog.get_logger(__name__)


class Delivery:
    """First the message is stored in its channel, under its own id, then its end is noted: a crash
    in between delivers it again, which the dedup window makes one.
    """

    def __init__(self, book: Book, bus: Bus, metrics: Metrics) -> None:
        self._book = book
        self._bus = bus
        self._metrics = metrics
        self._under_way = 0
        self._failed = False

    async def run(self) -> None:
        """Deliver for ever; ends by being cancelled."""
        while True:
            self._book.wake.clear()
            try:
                self._deliver_due()
            except Exception:
                # The task's edge: the others are delivered all the same.
                log.exception("delivering delayed messages failed")
                self._metrics.internal_error("delayed")
                self._failed = True
            await self._rest()

    async def _rest(self) -> None:
        """Until woken, or something is due; what failed is not tried again at once."""
        wake = self._book.wake
        if self._failed:
            self._failed = False
            await asyncio.sleep(_PAUSE)
            return
        due = self._book.schedule.next_time()
        if due is None or self._under_way >= _AT_ONCE:
            await wake.wait()
            return
        seconds = min(_PAUSE, max(_SHORTEST, (due - self._bus.tick.now()) / 1e6))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await wake.wait()

    def _deliver_due(self) -> None:
        now = self._bus.tick.now()
        while self._under_way < _AT_ONCE and not self._failed:
            item = self._book.schedule.pop(now)
            if item is None:
                return
            self._deliver(item)

    def _deliver(self, item: Item) -> None:
        if item.delivered:
            self._end(item)
            return
        try:
            channel = self._bus.hub.obtain(item.key.address)
        except ArqonBusError as error:
            self._put_back(item, error)
            return
        self._under_way += 1

        def done(result: int | ArqonBusError) -> None:
            self._under_way -= 1
            if isinstance(result, ArqonBusError):
                self._put_back(item, result)
            else:
                item.delivered = True
                self._end(item)
            self._book.wake.set()

        self._bus.post(channel, item.body, done, key=item.key.key, require=item.require)

    def _end(self, item: Item) -> None:
        def done(result: int | ArqonBusError) -> None:
            if isinstance(result, ArqonBusError):
                self._put_back(item, result)
            else:
                self._metrics.delayed_delivered()

        self._book.end(item, done)

    def _put_back(self, item: Item, error: ArqonBusError) -> None:
        """Try again in a while: everything in its order, or only this one if it asks too much,
        and that the more seldom the longer it is late.
        """
        if item.due == item.at and not self._failed:
            log.warning("a delayed message has to wait", reason=error.message, number=item.number)
        if isinstance(error, StorageError):
            self._failed = True
            self._book.queue(item)
            return
        now = self._bus.tick.now()
        pause = min(max(_PAUSE, (now - item.at) / 8e6), _LONGEST)
        self._book.queue(item, now + int(pause * 1e6))
