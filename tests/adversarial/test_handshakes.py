"""Handshakes that must not come through, must not last, and must not cost the others anything."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from support.pages import page
from support.peer import peer
from support.server import Server, serving
from websockets.exceptions import WebSocketException

LIMIT = 20
SECRET = "kP4vX9sQ2mT7wZ1rB6nY3cL8dF5gH0jA"
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
UPGRADE = (
    f"Host: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    f"Sec-WebSocket-Key: {KEY}\r\n"
)
GOOD = f"GET / HTTP/1.1\r\n{UPGRADE}"
Answer = tuple[int, dict[str, str], dict[str, Any]]


@asynccontextmanager
async def opened(
    url: str,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    host, _, port = url.partition("://")[2].partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield reader, writer
    finally:
        writer.close()


async def head_of(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    async with asyncio.timeout(LIMIT):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    fields = [line.split(": ", 1) for line in head[1:] if line]
    return int(head[0].split()[1]), {name.lower(): value for name, value in fields}


async def answered(url: str, data: bytes | str) -> Answer:
    """The status, headers and JSON that an opening gets."""
    async with opened(url) as (reader, writer):
        writer.write(data.encode("latin-1") if isinstance(data, str) else data)
        status, headers = await head_of(reader)
        if status == 101:
            return status, headers, {}
        async with asyncio.timeout(LIMIT):
            body = await reader.read()
    return status, headers, json.loads(body) if body.startswith(b"{") else {}


async def ended(reader: asyncio.StreamReader) -> bytes:
    """All that comes before the server ends the connection."""
    async with asyncio.timeout(LIMIT):
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""


async def alive(server: Server) -> None:
    async with peer(server.url) as one:
        await one.ok("ping")
    assert (await page(server.http, "/ready"))[0] == 200


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://app.example", 101),
        ("https://evil.example", 403),
        ("http://localhost:3000", 403),
        ("null", 403),
        ("garbage", 403),
        ("https://app.example\r\nOrigin: https://app.example", 400),
    ],
)
async def test_pages_of_other_sites(tmp_path: Path, origin: str, status: int) -> None:
    settings = {"profile": "staging", "edge_origins": "https://app.example,https://b.example"}
    async with serving(tmp_path / "data", **settings) as server:
        got, headers, body = await answered(server.url, f"{GOOD}Origin: {origin}\r\n\r\n")
        assert got == status
        if status == 403:
            assert body["error_code"] == "FORBIDDEN"
            assert "edge.origins" in body["error"]
            assert not [name for name in headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "head",
    [
        "GET / HTTP/1.0\r\n" + UPGRADE + "\r\n",
        "POST / HTTP/1.1\r\n" + UPGRADE + "\r\n",
        "GET http://a/ HTTP/1.1\r\n" + UPGRADE + "\r\n",
        "GET  / HTTP/1.1\r\n" + UPGRADE + "\r\n",
        "GET / HTTP/1.1 x\r\n" + UPGRADE + "\r\n",
        GOOD + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        GOOD + "Content-Length: 5\r\n\r\nGET /",
        GOOD + "Content-Length: 0\r\nContent-Length: 0\r\n\r\n",
        GOOD + "Content-Length: -1\r\n\r\n",
        GOOD + " folded: x\r\n\r\n",
        GOOD + "Name : x\r\n\r\n",
        GOOD + "nameless\r\n\r\n",
        GOOD + ": x\r\n\r\n",
        GOOD + "X: a\0b\r\n\r\n",
        GOOD + "X: a\nSec-Evil: b\r\n\r\n",
        GOOD + "X: a\rb\r\n\r\n",
        GOOD + "X: y\r\n" * 500 + "\r\n",
        "\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\n" + GOOD + "\r\n",
    ],
)
async def test_heads_that_two_servers_would_read_differently(bus: Server, head: str) -> None:
    status, _, _ = await answered(bus.url, head)
    assert 400 <= status < 500
    await alive(bus)


@pytest.mark.parametrize("part", ["X: " + "a" * 20_000, "X: " + "a" * 1_000_000])
async def test_an_oversized_head_is_cut(bus: Server, part: str) -> None:
    async with opened(bus.url) as (reader, writer):
        writer.write((GOOD + part).encode())
        assert await ended(reader) == b""
    async with opened(bus.http) as (reader, writer):
        writer.write(("GET /health HTTP/1.1\r\n" + part + "\r\n\r\n").encode())
        answer = await ended(reader)
        assert not answer or b" 400 " in answer[:13]
    await alive(bus)


async def test_slow_and_silent_openings_end_in_time(tmp_path: Path) -> None:
    async with serving(tmp_path / "data", heartbeat_handshake_timeout=0.3) as server:
        for url in (server.url, server.http):
            async with opened(url) as (silent, _), opened(url) as (slow, writer):
                dripping = asyncio.create_task(drip(writer))
                assert await ended(silent) == b""
                assert await ended(slow) == b""
                dripping.cancel()
        await alive(server)


async def drip(writer: asyncio.StreamWriter) -> None:
    for byte in GOOD.encode() * 100:
        writer.write(bytes([byte]))
        await asyncio.sleep(0.01)


async def test_unfinished_openings_leave_room_for_others(tmp_path: Path) -> None:
    settings = {"profile": "staging", "limits_handshakes_pending": 16}
    async with serving(tmp_path / "data", **settings) as server:
        held = [opened(server.url) for _ in range(12)]
        readers = [(await one.__aenter__())[0] for one in held]
        # A quarter may wait; the others are closed at once.
        closed = [asyncio.create_task(ended(reader)) for reader in readers[4:]]
        async with asyncio.timeout(LIMIT):
            await asyncio.gather(*closed)
        for one in held:
            await one.__aexit__(None, None, None)
        async with asyncio.timeout(LIMIT):
            while True:  # until the server has seen them leave
                try:
                    await alive(server)
                except (OSError, WebSocketException):
                    continue
                break


async def test_connections_and_handshakes_of_an_address(tmp_path: Path) -> None:
    settings = {"profile": "staging", "limits_connections_per_address": 2}
    async with (
        serving(tmp_path / "data", **settings) as server,
        peer(server.url) as one,
        peer(server.url),
    ):
        status, headers, body = await answered(server.url, GOOD + "\r\n")
        assert (status, body["error_code"]) == (429, "RATE_LIMITED")
        assert int(headers["retry-after"]) >= 1
        assert "limits.connections_per_address" in body["error"]
        await one.ok("ping")
    settings = {"profile": "staging", "limits_handshake_burst": 3,
                "limits_handshakes_per_address": 0.001}  # fmt: skip
    async with serving(tmp_path / "data", **settings) as server:
        statuses = [(await answered(server.url, GOOD + "\r\n"))[0] for _ in range(5)]
        assert statuses == [101, 101, 101, 429, 429]


async def test_guessing_is_stopped_before_the_guess_is_looked_at(tmp_path: Path) -> None:
    settings = {"profile": "staging", "auth_secret": SECRET, "limits_failed_handshake_burst": 3,
                "limits_failed_handshakes_per_address": 0.001}  # fmt: skip
    guess = f"{GOOD}Authorization: Bearer x.y.z\r\n\r\n"
    async with serving(tmp_path / "data", **settings) as server:
        statuses = [(await answered(server.url, guess))[0] for _ in range(5)]
        assert statuses == [401, 401, 401, 429, 429]


async def test_a_token_in_the_url(tmp_path: Path) -> None:
    request = GOOD.replace("GET /", "GET /?access_token=x.y.z") + "\r\n"
    async with serving(tmp_path / "data", auth_secret=SECRET) as server:
        status, _, body = await answered(server.url, request)
        assert (status, body["error_code"]) == (400, "VALIDATION_ERROR")
        assert "edge.query_token" in body["error"]
        assert "x.y.z" not in json.dumps([body, server.log])
    async with serving(tmp_path / "data", auth_secret=SECRET, edge_query_token=True) as server:
        assert (await answered(server.url, request))[0] == 401


async def test_limits_hold_for_the_client_behind_a_proxy(tmp_path: Path) -> None:
    settings = {"profile": "staging", "edge_proxy_header": "forwarded",
                "limits_handshake_burst": 1, "limits_handshakes_per_address": 0.001,
                "edge_trusted_proxies": "127.0.0.0/8"}  # fmt: skip

    def by(client: str) -> str:
        return f"{GOOD}Forwarded: {client}\r\n\r\n"

    async with serving(tmp_path / "data", **settings) as server:
        assert (await answered(server.url, by("for=1.1.1.1")))[0] == 101
        assert (await answered(server.url, by("for=9.9.9.9, for=1.1.1.1")))[0] == 429
        assert (await answered(server.url, by("for=2.2.2.2")))[0] == 101
        assert (await answered(server.url, by("for=2.2.2")))[0] == 400


def proxied(version: int, client: str) -> bytes:
    if version == 1:
        return f"PROXY TCP4 {client} 10.0.0.1 4711 443\r\n".encode()
    packed = bytes(map(int, client.split("."))) + bytes([10, 0, 0, 1]) + struct.pack("!HH", 1, 2)
    return b"\r\n\r\n\0\r\nQUIT\n" + struct.pack("!BBH", 0x21, 0x11, 12) + packed


@pytest.mark.parametrize("version", [1, 2])
async def test_the_proxy_protocol(tmp_path: Path, version: int) -> None:
    settings = {"profile": "staging", "edge_proxy_header": "proxy-protocol",
                "edge_trusted_proxies": "127.0.0.1", "limits_handshake_burst": 1,
                "limits_handshakes_per_address": 0.001,
                "heartbeat_handshake_timeout": 1}  # fmt: skip
    good = (GOOD + "\r\n").encode()
    async with serving(tmp_path / "data", **settings) as server:
        assert (await answered(server.url, proxied(version, "1.1.1.1") + good))[0] == 101
        assert (await answered(server.url, proxied(version, "1.1.1.1") + good))[0] == 429
        assert (await answered(server.url, proxied(version, "2.2.2.2") + good))[0] == 101
        for bad in (good, proxied(version, "1.1.1.1")[:-3], b"PROXY TCP4 x\r\n" + good):
            async with opened(server.url) as (reader, writer):
                writer.write(bad)
                assert await ended(reader) == b""
        assert (await page(server.http, "/ready"))[0] == 200


async def test_a_proxy_header_of_a_stranger_ends_the_connection(tmp_path: Path) -> None:
    settings = {"edge_proxy_header": "proxy-protocol", "edge_trusted_proxies": "10.0.0.0/8"}
    async with serving(tmp_path / "data", **settings) as server:
        for begin in (proxied(1, "1.1.1.1"), b""):
            async with opened(server.url) as (reader, writer):
                writer.write(begin + (GOOD + "\r\n").encode())
                assert await ended(reader) == b""


async def test_connections_that_come_and_go_leave_nothing(tmp_path: Path) -> None:
    settings = {"profile": "staging", "limits_connections_per_address": 8}
    async with serving(tmp_path / "data", **settings) as server:
        for data in (b"", b"GET", (GOOD + "\r\n").encode(), b"\0\r\n\r\n") * 6:
            async with opened(server.url) as (reader, writer):
                writer.write(data)
                writer.write_eof()
                await ended(reader)
        async with asyncio.timeout(LIMIT):
            await alive(server)
