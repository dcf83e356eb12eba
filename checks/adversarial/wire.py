"""A WebSocket connection of bare bytes: what a client library would never send can be sent here."""

from __future__ import annotations

import base64
import os
import re
import socket
import struct
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import msgspec

from checks.fault import NoAnswerError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.peer import Frame as Envelope

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
JSON, MSGPACK = "arqonbus.v1.json", "arqonbus.v1.msgpack"
_SWITCHED = 101
_CUT = 1006  # RFC 6455, 7.1.5: the connection ended without a close frame
_CHUNK = 65_536


@dataclass(frozen=True, slots=True)
class Head:
    """A handshake's answer. `status` is 0 when the connection ended instead."""

    status: int
    lines: str = ""
    body: str = ""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of the server."""

    opcode: int
    payload: bytes
    reserved: int = 0

    @property
    def close_code(self) -> int | None:
        """The code of a close frame; None of any other."""
        if self.opcode != CLOSE:
            return None
        return struct.unpack("!H", self.payload[:2])[0] if len(self.payload) > 1 else 1005


class Wire:
    """One TCP connection to a bus; every wait is bounded by `limit` seconds."""

    def __init__(self, port: int, limit: float) -> None:
        try:
            self._socket = socket.create_connection(("127.0.0.1", port), timeout=limit)
        except OSError as error:
            raise NoAnswerError(f"it can't be connected to: {error}") from error
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._socket.close()

    def raw(self, data: bytes) -> bool:
        """Send bytes; false when the bus has cut the connection meanwhile."""
        try:
            self._socket.sendall(data)
        except TimeoutError as error:
            raise NoAnswerError("it stopped to read and did not close") from error
        except OSError:
            return False
        return True

    def frame(self, opcode: int, payload: bytes, *, fin: bool = True, reserved: int = 0) -> bool:
        """Send one frame; see `frame_bytes`."""
        return self.raw(frame_bytes(opcode, payload, fin=fin, reserved=reserved))

    def head(self) -> Head:
        """Read a handshake's answer, and its body when it is a refusal."""
        while b"\r\n\r\n" not in self._buffer:
            if not self._more():
                return Head(_status(self._buffer), self._buffer.decode("latin-1"))
        raw, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        status = _status(raw)
        if status == _SWITCHED:
            return Head(status, raw.decode("latin-1"))
        size = re.search(rb"(?i)\r\ncontent-length: *(\d+)", raw)
        while (size is None or len(self._buffer) < int(size[1])) and self._more():
            pass
        return Head(status, raw.decode("latin-1"), self._buffer.decode("utf-8", "replace"))

    def receive(self) -> Frame:
        """The next frame; a connection that was cut counts as closed with 1006.

        Raises:
            NoAnswerError: nothing came in time.
        """
        first = self._take(2)
        if first is None:
            return Frame(CLOSE, struct.pack("!H", _CUT))
        size = first[1] & 127
        extended = {126: 2, 127: 8}.get(size, 0)
        if extended:
            size = int.from_bytes(self._take(extended) or b"", "big")
        payload = self._take(size)
        if payload is None:
            return Frame(CLOSE, struct.pack("!H", _CUT))
        return Frame(first[0] & 15, payload, first[0] >> 4 & 7)

    def ended(self) -> int | None:
        """Read until the server closes; its code, or None when it does not within the limit."""
        try:
            while (code := self.receive().close_code) is None:
                pass
        except NoAnswerError:
            return None
        return code

    def cut_within(self, seconds: float) -> bool:
        """Wait so long, and tell whether the bus ended the connection meanwhile."""
        limit = self._socket.gettimeout()
        self._socket.settimeout(seconds)
        try:
            return not self._more()
        except NoAnswerError:
            return False
        finally:
            self._socket.settimeout(limit)

    def _take(self, size: int) -> bytes | None:
        while len(self._buffer) < size:
            if not self._more():
                return None
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken

    def _more(self) -> bool:
        try:
            data = self._socket.recv(_CHUNK)
        except TimeoutError as error:
            raise NoAnswerError("it neither answered nor closed") from error
        except OSError:
            return False
        self._buffer += data
        return bool(data)


def frame_bytes(  # noqa: PLR0913 - the fields of a frame's head, RFC 6455, section 5.2
    opcode: int,
    payload: bytes,
    *,
    fin: bool = True,
    masked: bool = True,
    reserved: int = 0,
    size: int | None = None,
) -> bytes:
    """One frame as a client sends it; `size` is what its head says, whatever the payload has."""
    told = len(payload) if size is None else size
    mask_bit = 128 if masked else 0
    head = bytes([fin << 7 | reserved << 4 | opcode])
    if told < 126:  # noqa: PLR2004 - RFC 6455, section 5.2
        head += bytes([mask_bit | told])
    elif told < 1 << 16:
        head += bytes([mask_bit | 126]) + struct.pack("!H", told)
    else:
        head += bytes([mask_bit | 127]) + struct.pack("!Q", told)
    if not masked:
        return head + payload
    mask = os.urandom(4)
    return head + mask + _masked(payload, mask)


def _masked(payload: bytes, mask: bytes) -> bytes:
    """All bytes at once, as one number: a megabyte would take long one by one."""
    size = len(payload)
    key = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")


def upgrade(
    token: str | None = None, *, protocol: str = JSON, path: str = "/", **more: str
) -> bytes:
    """A handshake that is right but for what `more` adds; underscores in names are dashes."""
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [
        f"GET {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {key}",
        f"Sec-WebSocket-Protocol: {protocol}",
    ]
    if token is not None:
        lines.append(f"Authorization: Bearer {token}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in more.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def knock(port: int, limit: float, request: bytes) -> Head:
    """Send a handshake and return the answer; the connection ends with it."""
    with Wire(port, limit) as wire:
        wire.raw(request)
        head = wire.head()
        if head.status == _SWITCHED:
            wire.frame(CLOSE, struct.pack("!H", 1000))
        return head


@contextmanager
def opened(port: int, limit: float, request: bytes) -> Iterator[Wire]:
    """A connection whose handshake succeeded and whose welcome was read.

    Raises:
        NoAnswerError: it did not.
    """
    with Wire(port, limit) as wire:
        wire.raw(request)
        head = wire.head()
        if head.status != _SWITCHED:
            raise NoAnswerError(f"a good handshake was answered with {head.status}: {head.body}")
        wire.receive()
        yield wire


def answer(wire: Wire) -> Envelope:
    """The next envelope, whatever its codec; a close is told as an error.

    Raises:
        NoAnswerError: nothing came in time, or no envelope.
    """
    frame = wire.receive()
    if frame.close_code is not None:
        return {"type": "error", "error_code": f"close {frame.close_code}"}
    decode = msgspec.json.decode if frame.opcode == TEXT else msgspec.msgpack.decode
    try:
        decoded = decode(frame.payload)
    except msgspec.DecodeError as error:
        raise NoAnswerError(f"it sent what is no envelope: {error}") from error
    if not isinstance(decoded, dict):
        raise NoAnswerError("it sent a frame that is no object")
    return decoded


def _status(raw: bytes) -> int:
    parts = raw.split(b" ", 2)
    return int(parts[1]) if len(parts) > 1 and parts[1].isdigit() else 0
