"""picows takes `Connection: Upgrade` only; Firefox sends `keep-alive, Upgrade` and got a 400."""

from __future__ import annotations

import asyncio

import pytest
from support.server import Server


@pytest.mark.parametrize("connection", ["keep-alive, Upgrade", "Upgrade,keep-alive", "upgrade"])
async def test_an_upgrade_among_other_options_is_one(bus: Server, connection: str) -> None:
    host, _, port = bus.url.removeprefix("ws://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        f"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: {connection}\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
    )
    async with asyncio.timeout(20):
        assert await reader.readline() == b"HTTP/1.1 101 Switching Protocols\r\n"
    writer.close()
