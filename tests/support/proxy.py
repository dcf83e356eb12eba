"""A way to a server that can be cut, stalled and sent elsewhere; TLS ends here if asked."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Proxy:
    """Passes bytes on. `up` is the direction to the server, `down` the one to the client."""

    def __init__(self, port: int) -> None:
        self.target = port
        self.port = 0
        self.connections = 0
        self.cut_up: int | None = None
        self.cut_down: int | None = None
        self._flows = {"up": asyncio.Event(), "down": asyncio.Event()}
        self._writers: set[asyncio.StreamWriter] = set()
        self.resume()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def stall(self, *directions: str) -> None:
        """Pass nothing on until `resume`."""
        for direction in directions or self._flows:
            self._flows[direction].clear()

    def resume(self) -> None:
        for flow in self._flows.values():
            flow.set()

    def cut(self) -> None:
        """End every connection at once."""
        for writer in self._writers:
            writer.transport.abort()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, far_writer}
        self._writers |= ends
        tasks = [
            asyncio.create_task(self._pass(reader, far_writer, "up")),
            asyncio.create_task(self._pass(far_reader, writer, "down")),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            for end in ends:
                end.transport.abort()
            self._writers -= ends

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, direction: str
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                await self._flows[direction].wait()
                allowed = self.cut_up if direction == "up" else self.cut_down
                if allowed is not None:
                    # The rest of what is on its way is lost with the connection.
                    writer.write(data[:allowed])
                    await writer.drain()
                    if len(data) >= allowed:
                        return
                    allowed -= len(data)
                    if direction == "up":
                        self.cut_up = allowed
                    else:
                        self.cut_down = allowed
                    continue
                writer.write(data)
                await writer.drain()


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
        proxy.cut()
        await server.wait_closed()
