"""Hostile and broken input: always an answer or a close, never a crash, never INTERNAL."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from support.peer import LIMIT, peer
from support.server import Server, serving
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.typing import Subprotocol


@pytest.mark.parametrize(
    ("text", "code", "word"),
    [
        ("", "VALIDATION_ERROR", "envelope"),
        ("[]", "VALIDATION_ERROR", "object"),
        ("{", "VALIDATION_ERROR", "envelope"),
        ('{"type":"bad"}', "UNKNOWN_TYPE", "message"),
        ('{"type":"welcome"}', "UNKNOWN_TYPE", "message"),
        ('{"type":"operator.join"}', "UNKNOWN_TYPE", "reserved"),
        ('{"type":"message","version":"2.0","payload":1}', "UNSUPPORTED_VERSION", "1.0"),
        ('{"type":"message","room":"r","channel":"c"}', "VALIDATION_ERROR", "payload"),
        (
            '{"type":"message","room":"r","channel":"c","payload":1,"sender":"x"}',
            "VALIDATION_ERROR",
            "sender",
        ),
        (
            '{"type":"message","room":"r","channel":"c","payload":1,"seq":1}',
            "VALIDATION_ERROR",
            "seq",
        ),
        ('{"type":"message","room":"r","channel":"c","payload":NaN}', "VALIDATION_ERROR", ""),
        (
            '{"type":"message","room":"r","channel":"c","payload":1e999}',
            "VALIDATION_ERROR",
            "range",
        ),
        (
            '{"type":"message","room":"r","channel":"c","payload":123456789012345678901234567890}',
            "VALIDATION_ERROR",
            "64",
        ),
        ('{"type":"message","room":"r","channel":"c","payload":"\\ud800"}', "VALIDATION_ERROR", ""),
        (
            '{"type":"message","room":"r","channel":"c","qos":2,"payload":1}',
            "VALIDATION_ERROR",
            "qos",
        ),
        (
            '{"type":"message","room":"r","channel":"c","payload":1,"metadata":[]}',
            "VALIDATION_ERROR",
            "metadata",
        ),
        (
            '{"type":"message","room":"r","channel":"c","payload":1,"timestamp":"yesterday"}',
            "VALIDATION_ERROR",
            "timestamp",
        ),
        ('{"type":"message","room":"","channel":"c","payload":1}', "VALIDATION_ERROR", "room"),
        (
            '{"type":"message","room":"r","channel":"../c","payload":1}',
            "VALIDATION_ERROR",
            "channel",
        ),
        (
            '{"type":"message","room":"r","channel":"c","id":"a\\"b","payload":1}',
            "VALIDATION_ERROR",
            "id",
        ),
        (
            '{"type":"message","room":"r","channel":"c","payload":'
            + "[" * 20000
            + "]" * 20000
            + "}",
            "VALIDATION_ERROR",
            "",
        ),
        ('{"type":"command","command":"ping","args":[]}', "VALIDATION_ERROR", "args"),
    ],
)
async def test_a_bad_envelope_is_answered_with_why(
    bus: Server, text: str, code: str, word: str
) -> None:
    async with peer(bus.url) as p:
        await p.socket.send(text)
        error = await p.receive()
        pong = await p.call("ping")
    assert error["type"] == "error"
    assert error["error_code"] == code, error
    assert word in error["error"]
    assert pong["type"] == "response"


@pytest.mark.parametrize(
    "data",
    [b"", b"\xc1", b"\x80", b"\x81\xa4type\xa7message", b"\xdf\xff\xff\xff\xff", b"\x91" * 9000],
)
async def test_a_bad_msgpack_envelope_is_answered(bus: Server, data: bytes) -> None:
    async with peer(bus.url, "msgpack") as p:
        await p.socket.send(data)
        error = await p.receive()
    assert error["error_code"] in ("VALIDATION_ERROR", "UNKNOWN_TYPE")


async def test_values_that_json_cannot_carry_are_refused_in_msgpack(bus: Server) -> None:
    import msgspec

    async with peer(bus.url, "msgpack") as p:
        for value in (b"raw", float("nan"), {1: 2}, msgspec.msgpack.Ext(5, b"x")):
            answer = await p.publish("r", "c", value)
            assert answer["error_code"] == "VALIDATION_ERROR", (value, answer)


async def test_repeated_violations_close_with_1008(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, limits_violations_before_close=3) as bus,
        peer(bus.url) as p,
    ):
        for _ in range(3):
            await p.socket.send("nonsense")
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                await p.receive()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008


async def test_text_that_is_not_utf8_closes_with_1007(bus: Server) -> None:
    async with peer(bus.url) as p:
        p.socket.transport.write(Frame(Opcode.TEXT, b'"\xff"').serialize(mask=True))
        with pytest.raises(ConnectionClosed) as closed:
            await p.receive()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1007


async def test_a_binary_frame_on_the_json_subprotocol_closes_with_1003(bus: Server) -> None:
    async with peer(bus.url) as p:
        await p.socket.send(b"{}")
        with pytest.raises(ConnectionClosed) as closed:
            await p.receive()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1003


async def test_fragmented_frames_are_put_together_and_bounded(tmp_path: Path) -> None:
    async with serving(tmp_path, limits_max_frame_bytes=4096) as bus:
        async with peer(bus.url) as p:
            await p.socket.send(['{"type":"command",', '"id":"f","command"', ':"ping"}'])
            assert (await p.receive())["request_id"] == "f"
            with pytest.raises(ConnectionClosed) as closed:
                await p.socket.send(["x" * 3000, "y" * 3000, "z" * 3000])
                await p.receive()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009


async def test_a_frame_beyond_the_limit_closes_with_1009(tmp_path: Path) -> None:
    async with serving(tmp_path, limits_max_frame_bytes=4096) as bus, peer(bus.url) as p:
        with pytest.raises(ConnectionClosed) as closed:
            await p.socket.send("x" * 10_000)
            await p.receive()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", 426),
        (
            "GET /nowhere HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
            404,
        ),
        (
            "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            426,
        ),
        (
            "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n\r\n",
            400,
        ),
        (
            "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            "Sec-WebSocket-Protocol: other.v1\r\n\r\n",
            400,
        ),
    ],
)
async def test_a_refused_handshake_has_a_status_and_a_json_body(
    bus: Server, request_text: str, status: int
) -> None:
    host, port = bus.url.removeprefix("ws://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request_text.encode())
    raw = await asyncio.wait_for(reader.read(), LIMIT)
    writer.close()
    head, _, body = raw.partition(b"\r\n\r\n")
    assert head.split()[1] == str(status).encode()
    assert b"application/json" in head
    assert json.loads(body)["error_code"]


async def test_tokens_from_the_header_and_the_subprotocol_list(tmp_path: Path) -> None:
    import jwt

    secret = "q8Zt-4vX_mN2pLr7KcW9sYb3HdJf6GaE"
    token = jwt.encode({"sub": "alice", "tenant": "acme", "exp": 4_000_000_000}, secret, "HS256")
    forged = jwt.encode(
        {"sub": "alice", "tenant": "acme", "exp": 4_000_000_000}, secret[::-1], "HS256"
    )
    async with serving(tmp_path, auth_secret=secret) as bus:
        header = {"Authorization": f"Bearer {token}"}
        async with peer(bus.url, additional_headers=header) as p:
            assert p.welcome["payload"]["subject"] == "alice"
        offered = [Subprotocol("arqonbus.v1.json"), Subprotocol(f"arqonbus.bearer.{token}")]
        async with connect(bus.url, subprotocols=offered) as socket:
            assert socket.subprotocol == "arqonbus.v1.json"
        for bad in (None, {"Authorization": f"Bearer {forged}"}, {"Authorization": "Bearer x"}):
            with pytest.raises(InvalidStatus) as refused:
                await connect(bus.url, additional_headers=bad)
            assert refused.value.response.status_code == 401
            assert b"UNAUTHENTICATED" in (refused.value.response.body or b"")


@pytest.mark.parametrize("bit", [16, 32, 64])
async def test_a_reserved_bit_closes_with_1002(bus: Server, bit: int) -> None:
    right = Frame(Opcode.TEXT, b'{"type":"command","command":"ping"}').serialize(mask=True)
    async with peer(bus.url) as p:
        p.socket.transport.write(bytes([right[0] | bit]) + right[1:])
        with pytest.raises(ConnectionClosed) as closed:
            await p.receive()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1002


async def test_a_message_of_empty_pieces_without_end_is_closed(tmp_path: Path) -> None:
    piece = Frame(Opcode.CONT, b"", fin=False).serialize(mask=True)
    async with serving(tmp_path, limits_max_frame_bytes=4096) as bus, peer(bus.url) as p:
        p.socket.transport.write(Frame(Opcode.TEXT, b"", fin=False).serialize(mask=True))
        p.socket.transport.write(piece * 65)
        with pytest.raises(ConnectionClosed) as closed:
            await p.receive()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009
