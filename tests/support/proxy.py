"""A way to a server that can be cut, stalled and sent elsewhere; TLS ends here if asked."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

UP, DOWN = "up", "down"


def _open() -> asyncio.Event:
    gate = asyncio.Event()
    gate.set()
    return gate


@dataclass
class Passage:
    """One connection: a gate and, if need be, an end after so many bytes for each direction."""

    writers: tuple[asyncio.StreamWriter, asyncio.StreamWriter]
    gates: dict[str, asyncio.Event] = field(default_factory=lambda: {UP: _open(), DOWN: _open()})
    left: dict[str, int] = field(default_factory=dict)

    def abort(self) -> None:
        for writer in self.writers:
            writer.transport.abort()


class Proxy:
    """Passes bytes on: UP to the server, DOWN to the client."""

    def __init__(self, port: int) -> None:
        self.target = port
        self.port = 0
        self.passages: list[Passage] = []
        # Set when a connection ended after the last `cut`.
        self.ended = asyncio.Event()
        self._shut: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def stall(self, directions: Iterable[str] = (UP, DOWN), *, new: bool = False) -> None:
        """Hold back what the present connections carry, and those to come if `new`."""
        self._shut = tuple(directions) if new else ()
        for passage in self.passages:
            for direction in directions:
                passage.gates[direction].clear()

    def resume(self) -> None:
        """Let everything pass again, and cut nothing more."""
        self._shut = ()
        for passage in self.passages:
            passage.left.clear()
            for gate in passage.gates.values():
                gate.set()

    def cut(self, direction: str | None = None, after: int = 0) -> None:
        """End the present connections, at once or after so many bytes more in a direction."""
        self.ended.clear()
        for passage in tuple(self.passages):
            if direction is None:
                passage.abort()
            else:
                passage.left[direction] = after

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        passage = Passage((writer, far_writer))
        for direction in self._shut:
            passage.gates[direction].clear()
        self.passages.append(passage)
        tasks = [
            asyncio.create_task(_pass(passage, reader, far_writer, UP)),
            asyncio.create_task(_pass(passage, far_reader, writer, DOWN)),
        ]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        passage.abort()
        self.passages.remove(passage)
        self.ended.set()


async def _pass(
    passage: Passage, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, direction: str
) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            await passage.gates[direction].wait()
            left = passage.left.get(direction)
            writer.write(data if left is None else data[:left])
            await writer.drain()
            if left is not None:
                if left <= len(data):
                    return
                passage.left[direction] = left - len(data)


@asynccontextmanager
async def proxying(port: int, tls: ssl.SSLContext | None = None) -> AsyncIterator[Proxy]:
    """A proxy on a free port before the server on `port`."""
    proxy = Proxy(port)
    server = await asyncio.start_server(proxy.accept, "127.0.0.1", 0, ssl=tls)
    try:
        proxy.port = server.sockets[0].getsockname()[1]
        yield proxy
    finally:
        server.close()
        proxy.resume()
        while proxy.passages:
            proxy.cut()
            await asyncio.sleep(0)
        await server.wait_closed()
