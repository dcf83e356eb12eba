"""Frames that RFC 6455 forbids or that want more than there is."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from checks.adversarial.answers import Verdict, closed
from checks.adversarial.rules import ACCEPTED, WRONG_ANSWER
from checks.adversarial.wire import (
    BINARY,
    CLOSE,
    CONTINUATION,
    MSGPACK,
    PING,
    PONG,
    TEXT,
    frame_bytes,
    upgrade,
)
from checks.fault import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.adversarial.target import Target

_PING = b'{"type":"command","id":"p","command":"ping"}'
_HALVES = (_PING[:20], _PING[20:])
_PROTOCOL, _KIND, _UTF8, _POLICY, _SIZE, _CUT = 1002, 1003, 1007, 1008, 1009, 1006
_MIB = 1 << 20
_EMPTY_FRAMES = 400_000
_BAD_UTF8 = (b'"\xff"', b'"\xc0\xaf"', b'"\xed\xa0\x80"', b'"\xf4\x90\x80\x80"', b'"\xe2\x82"')


def frames(target: Target) -> Iterator[Verdict]:
    """Each ends the connection with a code that says why, or is cut."""
    for name, data in _broken():
        with target.opened() as wire:
            wire.raw(data)
            yield closed(name, wire.ended(), _PROTOCOL, _CUT)
    for name, data in _oversized():
        with target.opened() as wire:
            wire.raw(data)
            yield closed(name, wire.ended(), _SIZE, _PROTOCOL, _CUT)
    for text in _BAD_UTF8:
        with target.opened() as wire:
            wire.frame(TEXT, text)
            yield closed(f"text {text!r}", wire.ended(), _UTF8)
    for name, kind, protocol in (
        ("binary on JSON", BINARY, "arqonbus.v1.json"),
        ("text on MessagePack", TEXT, MSGPACK),
    ):
        with target.opened(protocol=protocol) as wire:
            wire.frame(kind, _PING)
            yield closed(name, wire.ended(), _KIND)
    yield from _endless(target)
    yield from _compressed(target)
    yield _in_pieces(target)


def _broken() -> Iterator[tuple[str, bytes]]:
    for bit in (1, 2, 4, 7):
        yield f"reserved bits {bit}", frame_bytes(TEXT, _PING, reserved=bit)
    for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
        yield f"opcode {opcode}", frame_bytes(opcode, _PING)
    yield "text without a mask", frame_bytes(TEXT, _PING, masked=False)
    yield "a ping without a mask", frame_bytes(PING, b"x", masked=False)
    yield "a close without a mask", frame_bytes(CLOSE, b"", masked=False)
    for opcode in (PING, PONG, CLOSE):
        yield f"control frame {opcode} of 126 bytes", frame_bytes(opcode, b"\x03\xe8" + b"x" * 124)
        yield f"control frame {opcode} in pieces", frame_bytes(opcode, b"\x03\xe8", fin=False)
    yield "a piece of nothing", frame_bytes(CONTINUATION, _PING)
    start = frame_bytes(TEXT, _HALVES[0], fin=False)
    yield "a text within a text", start + frame_bytes(TEXT, _PING)
    yield "a text in pieces within another", start + frame_bytes(TEXT, _HALVES[0], fin=False)
    yield "a size with its first bit set", bytes([129, 255]) + b"\xff" * 8 + b"\x00" * 4


def _oversized() -> Iterator[tuple[str, bytes]]:
    for size in (2 * _MIB, 1 << 31, 1 << 40, (1 << 63) - 1):
        yield f"a frame that says it has {size} bytes", frame_bytes(TEXT, b"x" * 1000, size=size)
    start = frame_bytes(TEXT, b"x" * 65_000, fin=False)
    more = frame_bytes(CONTINUATION, b"x" * 65_000, fin=False)
    yield "pieces of two megabytes", start + more * 32


def _endless(target: Target) -> Iterator[Verdict]:
    """Pieces without content and without end cost the sender next to nothing."""
    name = "a message of empty pieces without end"
    with target.opened() as wire:
        wire.raw(frame_bytes(TEXT, b"", fin=False))
        piece = frame_bytes(CONTINUATION, b"", fin=False) * 1000
        for _ in range(_EMPTY_FRAMES // 1000):
            if not wire.raw(piece):
                break
        wire.frame(PING, b"still there?")
        code: int | None = None
        while code is None:
            got = wire.receive()
            if got.opcode == PONG:
                break
            code = got.close_code
        yield closed(name, code, _PROTOCOL, _POLICY, _SIZE, _CUT)


def _compressed(target: Target) -> Iterator[Verdict]:
    """Compression is never agreed upon, so a bomb is only a frame with a reserved bit."""
    for offer in (
        "permessage-deflate",
        "permessage-deflate; client_max_window_bits; server_no_context_takeover",
        "x-webkit-deflate-frame",
        "permessage-deflate; server_max_window_bits=8, permessage-bzip2",
    ):
        head = target.knock(upgrade(target.token(), Sec_WebSocket_Extensions=offer))
        agreed = "sec-websocket-extensions" in head.lines.lower()
        wrong = (Fault(ACCEPTED, f"it agreed to {offer}"),) if agreed else ()
        yield Verdict(f"an offer of {offer}", wrong)
    packer = zlib.compressobj(wbits=-15)
    bomb = packer.compress(b" " * (64 * _MIB)) + packer.flush(zlib.Z_SYNC_FLUSH)
    with target.opened(Sec_WebSocket_Extensions="permessage-deflate") as wire:
        wire.frame(TEXT, bomb[:-4], reserved=4)
        yield closed("a compressed bomb", wire.ended(), _PROTOCOL, _CUT)


def _in_pieces(target: Target) -> Verdict:
    """What is allowed works: pieces of a message with a ping in between, and an orderly end."""
    name = "a message in pieces with a ping in between"
    with target.opened() as wire:
        wire.frame(TEXT, _HALVES[0], fin=False)
        wire.frame(PING, b"between")
        wire.frame(CONTINUATION, _HALVES[1])
        wire.frame(CLOSE, struct.pack("!H", 1000))
        seen = [wire.receive().opcode for _ in range(3)]
    held = sorted(seen) == [TEXT, CLOSE, PONG]
    return Verdict(name, () if held else (Fault(WRONG_ANSWER, f"{name}: {seen}"),))
