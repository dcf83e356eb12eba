"""An endpoint of a JWK Set that answers what a test wants, and counts."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class KeyServer:
    """`keys` is the set that is served, unless there is an `answer`, which takes its place."""

    keys: list[dict[str, object]] = field(default_factory=list)
    answer: Answer | None = None
    requests: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    url: str = ""
    # Set by each request.
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request.raw_path)
        self.headers.append(dict(request.headers))
        self.asked.set()
        if self.answer is not None:
            return await self.answer(request)
        return web.json_response({"keys": self.keys})

    def says(
        self, body: bytes | str, status: int = 200, headers: dict[str, str] | None = None
    ) -> None:
        """Answer this from now on."""
        data = body.encode() if isinstance(body, str) else body

        async def answer(_request: web.Request) -> web.StreamResponse:
            await asyncio.sleep(0)
            return web.Response(body=data, status=status, headers=headers)

        self.answer = answer

    def drips(self) -> None:
        """Answer a byte now and then, and never all of it."""

        async def answer(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse()
            await response.prepare(request)
            for byte in json.dumps({"keys": self.keys}).encode():
                await response.write(bytes([byte]))
                await asyncio.sleep(0.05)
            return response

        self.answer = answer


@asynccontextmanager
async def key_server(
    *keys: dict[str, object], tls: ssl.SSLContext | None = None
) -> AsyncIterator[KeyServer]:
    server = KeyServer(list(keys))
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    port = runner.addresses[0][1]
    server.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}/keys"
    try:
        yield server
    finally:
        await runner.cleanup()
