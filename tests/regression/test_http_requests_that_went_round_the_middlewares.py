"""Answers that aiohttp gives by itself, and bodies that break while they are read."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from support.server import Server, serving
from support.shielded import SECRET

LIMIT = 20
POST = "POST /v1/admin/reload HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"


async def answer(server: Server, request: str) -> bytes:
    """Everything until the server ends the connection."""
    host, _, port = server.http.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request.encode())
    async with asyncio.timeout(LIMIT):
        try:
            return await reader.read()
        finally:
            writer.close()


@pytest.mark.parametrize(
    "rest",
    [
        "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nxx",
        "Content-Encoding: deflate\r\nContent-Length: 2\r\n\r\nxx",
        "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_a_body_that_breaks_is_a_mistake_of_its_sender(tmp_path: Path, rest: str) -> None:
    async with serving(tmp_path / "data", auth_secret=SECRET) as server:
        got = await answer(server, POST + rest)
        assert b" 400 " in got[:13]
        assert [line for line in server.log if line.get("level") == "error"] == []


async def test_an_unknown_expectation_is_the_last_request_of_its_connection(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path / "data", heartbeat_handshake_timeout=60) as server:
        odd = "GET /health HTTP/1.1\r\nHost: a\r\nExpect: much\r\n\r\n"
        got = await answer(server, odd + "GET /version HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b" 417 " in got[:13]
        assert got.count(b"HTTP/1.1 ") == 1


async def test_who_leaves_within_a_body_is_no_fault_of_the_bus(tmp_path: Path) -> None:
    async with serving(tmp_path / "data", auth_secret=SECRET) as server:
        host, _, port = server.http.removeprefix("http://").partition(":")
        for rest in ("", "Content-Length: 100\r\n\r\nabc"):
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write((POST + rest).encode())
            await writer.drain()
            writer.transport.abort()
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await reader.readexactly(1)
        assert b" 401 " in (await answer(server, POST + "Content-Length: 0\r\n\r\n"))[:13]
        assert await server.stop() == 0
        assert server.events("a page failed") == []
