"""The load client's connections: as light as Python allows, since they share one core."""

from __future__ import annotations

import asyncio
import base64
import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import cast

from arqonbus.bench.dialects import Dialect, dialect_for
from arqonbus.bench.errors import BenchError
from arqonbus.bench.frames import Splitter
from arqonbus.bench.plan import Plan

_CLOSE, _PING, _PONG = 0x8, 0x9, 0xA
_SHARED = memoryview(bytearray(256 * 1024))
Failed = Callable[[BaseException], None]


class Connection(asyncio.BaseProtocol):
    """One connection; `ready` is done once the server answered what was said first."""

    def __init__(self, failed: Failed) -> None:
        self.ready = asyncio.get_running_loop().create_future()
        self.transport: asyncio.Transport | None = None
        self.closing = False
        self._failed = failed

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to speak."""
        # uvloop's transports are no subclasses of asyncio's.
        self.transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Only this side may end a connection."""
        if not self.closing:
            self._failed(BenchError(f"the server closed a connection: {exc or 'no reason'}"))

    def close(self) -> None:
        """Cut the connection."""
        self.closing = True
        if self.transport is not None:
            self.transport.abort()

    def write(self, data: bytes) -> None:
        """Hand bytes to the socket."""
        if self.transport is not None and data:
            self.transport.write(data)


def upgrade(port: int, subprotocol: str | None, token: str = "") -> bytes:
    """The request that begins a WebSocket."""
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [
        "GET / HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
    ]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if subprotocol:
        lines.append(f"Sec-WebSocket-Protocol: {subprotocol}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class Peer(Connection, asyncio.BufferedProtocol, ABC):
    """Shakes hands, subscribes if asked, then hands every chunk to `_data`."""

    def __init__(self, plan: Plan, failed: Failed, *, subscribes: bool) -> None:
        super().__init__(failed)
        self.dialect: Dialect = dialect_for(plan)
        self._plan = plan
        self._subscribes = subscribes
        self._head: bytes | None = b""
        self._splitter = Splitter()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        super().connection_made(transport)
        self.write(upgrade(self._plan.port, self.dialect.subprotocol, self._plan.token))

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's signature
        """One buffer for all: each chunk is used up before the next is read."""
        return _SHARED

    def buffer_updated(self, nbytes: int) -> None:
        """Hand a chunk on; whatever goes wrong stops the whole run."""
        try:
            if self.ready.done():
                self._data(nbytes)
            else:
                self._setup(bytes(_SHARED[:nbytes]))
        except (BenchError, ValueError, KeyError) as error:
            self._failed(error)

    def _setup(self, data: bytes) -> None:
        if self._head is not None:
            self._head += data
            head, found, data = self._head.partition(b"\r\n\r\n")
            if not found:
                return
            if not head.startswith(b"HTTP/1.1 101"):
                raise BenchError(f"handshake refused: {head[:300]!r}")
            self._head = None
            request = self.dialect.subscribe() if self._subscribes else self.dialect.barrier()
            self.write(self.dialect.hello() + request)
        for _, payload in self._splitter.feed(data):
            if self.dialect.is_ready(payload):
                self.ready.set_result(None)

    @abstractmethod
    def _data(self, nbytes: int) -> None:
        """Take what was read into the shared buffer."""

    def _frames(self, nbytes: int) -> list[bytes]:
        """Whole data frames of a chunk; pings are answered."""
        found = []
        for opcode, payload in self._splitter.feed(bytes(_SHARED[:nbytes])):
            if opcode == _PING:
                self.write(b"\x8a\x80\0\0\0\0")
            elif opcode == _CLOSE:
                raise BenchError(f"the server closed a connection: {payload[:100]!r}")
            elif opcode != _PONG:
                rest, answer = self.dialect.chores(payload)
                self.write(answer)
                found.append(rest)
        return found


class Checked(Peer):
    """A subscriber whose every message is looked at: each number once, in order."""

    def __init__(self, plan: Plan, failed: Failed, progressed: Callable[[], None]) -> None:
        super().__init__(plan, failed, subscribes=True)
        self.seen = 0
        self.bytes = 0
        self.arrived: Callable[[int], None] | None = None
        self._progressed = progressed

    def _data(self, nbytes: int) -> None:
        self.bytes += nbytes
        seen = self.seen
        for payload in self._frames(nbytes):
            for number in self.dialect.numbers(payload):
                if number != seen:
                    raise BenchError(f"message {number} came where {seen} was due")
                seen += 1
                if self.arrived is not None:
                    self.arrived(number)
        self.seen = seen
        self._progressed()


class Counted(Peer):
    """A subscriber whose bytes are counted: for a server that sends everybody the same bytes."""

    def __init__(self, plan: Plan, failed: Failed) -> None:
        super().__init__(plan, failed, subscribes=True)
        self.bytes = 0

    def _data(self, nbytes: int) -> None:
        self.bytes += nbytes


class Unframed(Peer):
    """A subscriber whose messages' bytes are counted without the frames around them, which differ
    from one subscriber to the next when the server cuts its stream anywhere.
    """

    def __init__(self, plan: Plan, failed: Failed) -> None:
        super().__init__(plan, failed, subscribes=True)
        self.bytes = 0

    def _data(self, nbytes: int) -> None:
        self.bytes += sum(map(len, self._frames(nbytes)))


class Publisher(Peer):
    """Sends; counts receipts and answered barriers."""

    def __init__(self, plan: Plan, failed: Failed, progressed: Callable[[], None]) -> None:
        super().__init__(plan, failed, subscribes=False)
        self.receipts = 0
        self.barriers = 0
        self.sent = 0
        self._progressed = progressed

    def publish(self, count: int) -> None:
        """Send the next `count` messages."""
        self.write(self.dialect.publish(self.sent, count))
        self.sent += count

    def _data(self, nbytes: int) -> None:
        for payload in self._frames(nbytes):
            receipts, barriers = self.dialect.answers(payload)
            self.receipts += receipts
            self.barriers += barriers
        self._progressed()


class Idle(Peer):
    """A subscriber that nothing is sent to."""

    def __init__(self, plan: Plan, failed: Failed) -> None:
        super().__init__(plan, failed, subscribes=True)

    def _data(self, nbytes: int) -> None:
        self._frames(nbytes)
