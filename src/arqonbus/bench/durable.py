"""The load of durable publishes: each counts once its receipt came; positions are checked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import chain

from arqonbus.bench.durable_dialects import durable_dialect
from arqonbus.bench.errors import BenchError
from arqonbus.bench.plan import Outcome, Plan
from arqonbus.bench.session import Run, progress
from arqonbus.bench.sockets import Connection, Failed

_SHARE = 4


class DurablePublisher(Connection, asyncio.Protocol):
    """Keeps its own part of the window full: the receipt of one message lets the next one go."""

    def __init__(self, plan: Plan, failed: Failed, progressed: Callable[[], None]) -> None:
        super().__init__(failed)
        self.dialect = durable_dialect(plan)
        self.positions: list[int] = []
        self.sent = 0
        self.stopped = False
        self._window = max(1, plan.window // plan.publishers)
        # In shares of the window, so that each write carries many messages.
        self._share = max(1, self._window // _SHARE)
        self._progressed = progressed

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say what comes first."""
        super().connection_made(transport)
        self.write(self.dialect.opening())

    def data_received(self, data: bytes) -> None:
        """Take receipts; whatever goes wrong stops the whole run."""
        try:
            if self.ready.done():
                self._receive(data)
            elif self.dialect.is_open(data):
                self.ready.set_result(None)
        except (BenchError, ValueError, KeyError) as error:
            self._failed(error)

    def fill(self) -> None:
        """Send as many messages as there is room for."""
        room = self._window - (self.sent - len(self.positions))
        if room >= self._share and not self.stopped:
            self.write(self.dialect.publish(self.sent, room))
            self.sent += room

    @property
    def settled(self) -> bool:
        """Whether every message has its receipt."""
        return len(self.positions) == self.sent

    def _receive(self, data: bytes) -> None:
        for number, position in self.dialect.receipts(data):
            if number != len(self.positions):
                raise BenchError(f"receipt {number} came where {len(self.positions)} was due")
            self.positions.append(position)
        self.fill()
        if self.stopped:
            self._progressed()


async def durable(run: Run) -> Outcome:
    """Publishers, each with its part of `window` messages under way, at least one."""
    plan = run.plan
    publishers = await run.connect(
        lambda: DurablePublisher(plan, run.failed, run.wake.set), plan.publishers
    )
    run.start()
    end = run.loop.time() + plan.seconds
    for publisher in publishers:
        publisher.fill()
    while run.loop.time() < end and not run.failure.done():
        await asyncio.sleep(min(1.0, max(0.0, end - run.loop.time())))
        progress(f"{sum(peer.sent for peer in publishers)} messages sent")
    for publisher in publishers:
        publisher.stopped = True
    await run.until(lambda: all(peer.settled for peer in publishers), "every receipt")
    outcome = run.stop(Outcome())
    outcome.messages = outcome.receipts = sum(peer.sent for peer in publishers)
    check_positions([peer.positions for peer in publishers])
    await _check_count(run, publishers[0], outcome.messages)
    return outcome


def check_positions(publishers: list[list[int]]) -> None:
    """All positions together are 1, 2, 3, …, and each publisher's rise.

    Raises:
        BenchError: one is missing, doubled or out of order.
    """
    for due, position in enumerate(sorted(chain.from_iterable(publishers)), 1):
        if position != due:
            raise BenchError(f"a receipt names position {position} where {due} was due")
    if any(positions != sorted(positions) for positions in publishers):
        raise BenchError("a publisher's messages were stored out of order")


async def _check_count(run: Run, peer: DurablePublisher, sent: int) -> None:
    """The server's own count must be what was sent."""
    peer.write(peer.dialect.count())
    await run.until(lambda: peer.dialect.stored is not None, "the stream's count")
    if peer.dialect.stored != sent:
        raise BenchError(f"the stream holds {peer.dialect.stored} of {sent} messages")
