"""What waits for one peer: bounded in bytes, written once a tick, never stalling anybody else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from arqonbus.telemetry.ledger import Account

if TYPE_CHECKING:
    from arqonbus.routing.hub import Channel
    from arqonbus.telemetry.metrics import Metrics

Policy = Literal["disconnect", "drop"]


class Writers:
    """The outboxes that have something to write at the end of this tick."""

    def __init__(self, call_soon: Callable[[Callable[[], None]], object], metrics: Metrics) -> None:
        self._call_soon = call_soon
        self._metrics = metrics
        self.bytes_in = 0
        self._dirty: list[Outbox] = []

    def add(self, outbox: Outbox) -> None:
        """Write `outbox` at the end of the tick at the latest."""
        if not self._dirty:
            self._call_soon(self.flush)
        self._dirty.append(outbox)

    def flush(self) -> None:
        """One write for each outbox; the byte counters are told once for all."""
        dirty, self._dirty = self._dirty, []
        sent = 0
        for outbox in dirty:
            sent += outbox.flush()
        self._metrics.sent(sent)
        self._metrics.received(self.bytes_in)
        self.bytes_in = 0


class Outbox:
    """Frames on their way to one peer.

    While the socket takes data, a flush hands everything to the transport. When the transport's
    buffer is above its high-water mark, frames wait here, up to `max_bytes` with the transport's
    own buffer counted in. Beyond that the policy decides: `overflow` is called (disconnect), or
    deliveries are left out and named in a gap as soon as there is room again (drop).
    """

    __slots__ = (
        "_account",
        "_buffered",
        "_dirty",
        "_gap_frame",
        "_gaps",
        "_ledger",
        "_max",
        "_metrics",
        "_overflow",
        "_parts",
        "_paused",
        "_policy",
        "_size",
        "_transport",
        "_waiters",
        "_writers",
        "binary",
        "closed",
    )

    def __init__(  # noqa: PLR0913 - the whole wiring, done once in the listener
        self,
        transport: asyncio.Transport,
        writers: Writers,
        metrics: Metrics,
        *,
        binary: bool,
        max_bytes: int,
        policy: Policy,
        gap_frame: Callable[[Channel, str, int, int, str], bytes],
        overflow: Callable[[], None],
    ) -> None:
        self.binary = binary
        self.closed = False
        self._transport = transport
        self._writers = writers
        self._metrics = metrics
        self._ledger = metrics.ledger
        self._account = Account()
        self._max = max_bytes
        self._policy = policy
        self._gap_frame = gap_frame
        self._overflow = overflow
        self._parts: list[bytes] = []
        self._size = 0
        self._buffered = 0
        self._paused = False
        self._dirty = False
        self._gaps: dict[tuple[Channel, str], tuple[int, int]] = {}
        self._waiters: list[asyncio.Future[None]] = []

    def deliver(self, channel: Channel, chunk: bytes, first_seq: int, last_seq: int) -> None:
        """See `Subscriber.deliver`."""
        account, count = self._account, last_seq - first_seq + 1
        account.due += count
        account.pending += count
        if self._gaps or (self._paused and not self._fits(len(chunk))):
            self._deliver_tight(channel, chunk, first_seq, last_seq)
            return
        self._put(chunk)

    def account(self) -> Account:
        """What became of the deliveries so far."""
        return self._account

    def send(self, frames: bytes) -> bool:
        """Queue frames that must not be left out; False once the connection is closing."""
        if self.closed:
            return False
        if self._paused and not self._fits(len(frames)):
            self._metrics.outbox_overflow("disconnect")
            self._overflow()
            return False
        self._put(frames)
        return True

    def replay(self, frames: bytes, count: int) -> bool:
        """Queue `count` stored messages that must not be left out; see `send`."""
        if not self.send(frames):
            return False
        self._ledger.due += count
        self._account.due += count
        self._account.pending += count
        return True

    def flush(self) -> int:
        """Hand everything to the transport, unless it has enough; bytes handed over."""
        self._dirty = False
        parts = self._parts
        if self._paused or not parts:
            return 0
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        self._parts = []
        self._size = 0
        self._transport.write(data)
        self._ledger.delivered += self._account.pending
        self._account.delivered += self._account.pending
        self._account.pending = 0
        return len(data)

    def pause(self) -> None:
        """The transport's buffer is above its high-water mark."""
        if self.closed:
            return
        self._paused = True
        self._buffered = self._transport.get_write_buffer_size()

    def resume(self) -> None:
        """The transport has room again: tell what was left out, then go on."""
        if self.closed:
            return
        self._paused = False
        self._buffered = 0
        self.flush()
        if not self._paused:
            self._tell_gaps()
            self.flush()
        self._wake()

    def has_room(self) -> bool:
        """Whether at most half of the bound is used."""
        return not self.closed and self._size + self._buffered <= self._max // 2

    async def room(self) -> None:
        """Wait until at most half of the bound is used; returns at once when closing."""
        while not self.closed and self._paused and self._size + self._buffered > self._max // 2:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter

    def shut(self) -> None:
        """Take nothing any more and forget what waits; idempotent."""
        self.closed = True
        # Paused without any room: a delivery that still comes is turned away, not kept.
        self._paused = True
        self._max = 0
        self._parts = []
        self._size = 0
        self._drop("disconnected", self._account.pending)
        self._gaps = {}
        self._wake()

    def _fits(self, size: int) -> bool:
        return self._size + self._buffered + size <= self._max

    def _put(self, data: bytes) -> None:
        self._parts.append(data)
        self._size += len(data)
        if not self._dirty and not self._paused:
            self._dirty = True
            self._writers.add(self)

    def _deliver_tight(self, channel: Channel, chunk: bytes, first: int, last: int) -> None:
        if self.closed:
            self._drop("disconnected", last - first + 1)
            return
        if self._policy == "disconnect":
            self._metrics.outbox_overflow("disconnect")
            self._overflow()
            return
        stream = channel, channel.epoch
        begun = self._gaps.get(stream)
        if begun is None and self._fits(len(chunk)):
            self._put(chunk)
            return
        if begun is None:
            self._metrics.outbox_overflow("drop")
        self._gaps[stream] = (first if begun is None else begun[0], last)
        self._drop("slow consumer", last - first + 1)

    def _drop(self, reason: str, count: int) -> None:
        self._account.drop(reason, count)
        if count:
            self._ledger.dropped[reason] += count

    def _tell_gaps(self) -> None:
        gaps, self._gaps = self._gaps, {}
        for (channel, epoch), (first, last) in gaps.items():
            self._put(self._gap_frame(channel, epoch, first, last, "slow consumer"))

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
