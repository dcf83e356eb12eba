"""A socket's writing side that a test fills and drains by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from prometheus_client import CollectorRegistry

from arqonbus.model.address import Address
from arqonbus.model.durability import Durability
from arqonbus.routing.hub import Channel
from arqonbus.telemetry.metrics import Metrics
from arqonbus.transport.outbox import Outbox, Policy, Writers


def nothing() -> None:
    return None


class Pipe(asyncio.Transport):
    """Keeps what is written; tells its marks as asyncio does, from within `write`."""

    def __init__(self, high: int = 1 << 30) -> None:
        super().__init__()
        self.high = high
        self.written: list[bytes] = []
        self.buffered = 0
        self.paused = False
        self.reading: list[str] = []
        self.on_pause: Callable[[], None] = nothing
        self.on_resume: Callable[[], None] = nothing

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))
        self.buffered += len(data)
        self._look()

    def get_write_buffer_size(self) -> int:
        return self.buffered

    def fill(self, size: int) -> None:
        """Let so much of something else wait in the buffer, and that be too much."""
        self.buffered, self.paused = size, True
        self.on_pause()

    def drain(self, size: int | None = None) -> None:
        """Let the peer read `size` bytes, or everything."""
        self.buffered = 0 if size is None else max(0, self.buffered - size)
        if self.paused and self.buffered <= self.high // 4:
            self.paused = False
            self.on_resume()

    def pause_reading(self) -> None:
        self.reading.append("pause")

    def resume_reading(self) -> None:
        self.reading.append("resume")

    def _look(self) -> None:
        if not self.paused and self.buffered > self.high:
            self.paused = True
            self.on_pause()

    @property
    def data(self) -> bytes:
        return b"".join(self.written)


class Written:
    """An outbox on a pipe; `turn` is the end of a turn of the event loop."""

    def __init__(self, policy: Policy = "disconnect", *, limit: int = 100) -> None:
        self.metrics = Metrics(CollectorRegistry())
        self.soon: list[Callable[[], None]] = []
        self.writers = Writers(self.soon.append, self.metrics)
        self.pipe = Pipe()
        self.overflows = 0
        self.outbox = Outbox(
            self.pipe,
            self.writers,
            self.metrics,
            binary=False,
            max_bytes=limit,
            policy=policy,
            gap_frame=gap_line,
            overflow=self._overflowed,
        )
        self.pipe.on_pause = self.outbox.pause
        self.pipe.on_resume = self.outbox.resume

    def _overflowed(self) -> None:
        self.overflows += 1

    def turn(self) -> None:
        while self.soon:
            self.soon.pop(0)()

    def deliver(
        self, channel: Channel, first: int, last: int | None = None, size: int = 10
    ) -> None:
        last = first if last is None else last
        self.outbox.deliver(channel, chunk_line(channel, first, last, size), first, last)

    def counted(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"arqonbus_{name}", labels)


def channel_named(name: str) -> Channel:
    return Channel(Address("r", name), "0123456789", Durability.MEMORY)


def chunk_line(channel: Channel, first: int, last: int, size: int) -> bytes:
    """`size` bytes, or as many as it takes, that name a channel and positions."""
    return f"{channel.address.channel} {first} {last} ".encode().ljust(size - 1, b".") + b"\n"


def gap_line(channel: Channel, epoch: str, first: int, last: int, reason: str) -> bytes:
    del epoch
    return f"{channel.address.channel} {first} {last} gap:{reason}\n".encode()


def lines(data: bytes) -> list[tuple[str, int, int, str]]:
    """What `chunk_line` and `gap_line` wrote: channel, first, last, and what a gap says."""
    found = []
    for line in data.decode().splitlines():
        name, first, last, rest = line.split(" ", 3)
        found.append((name, int(first), int(last), rest.strip(".")))
    return found
