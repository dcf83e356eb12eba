"""A listener on a WebSocket that a test plays by hand."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from typing import cast

from picows import WSCloseCode, WSFrame, WSMsgType, WSTransport
from picows.picows import _make_test_ws_frame
from unit.arqonbus.gateway.fakes import Frame, parsed, unframed
from unit.arqonbus.gateway.wired import Stage, Wired
from unit.arqonbus.transport.pipes import Pipe

from arqonbus.config.limits import OutboxSettings
from arqonbus.model.principal import ANONYMOUS
from arqonbus.protocol.codec import Codec
from arqonbus.protocol.json_codec import JsonCodec
from arqonbus.transport.listener import Listener
from arqonbus.transport.outbox import Writers
from arqonbus.transport.websocket import Shared

OUTBOX = 64 * 1024


class Socket:
    """The parts of a `WSTransport` that a listener uses; `calls` is what it was told, in order."""

    def __init__(self) -> None:
        self.underlying_transport = Pipe()
        self.is_close_frame_sent = False
        self.is_disconnected = False
        self.calls: list[tuple[object, ...]] = []

    def send_close(self, close_code: WSCloseCode, close_message: bytes | None = None) -> None:
        self.is_close_frame_sent = True
        self.calls.append(("close", int(cast("int", close_code)), close_message))

    def notify_user_specific_pong_received(self) -> None:
        self.calls.append(("pong", True))

    def disconnect(self, graceful: bool = True) -> None:
        self.is_disconnected = True
        self.calls.append(("disconnect", graceful))


class Timers:
    """The part of an event loop that a listener uses; `fire` lets the time come."""

    def __init__(self) -> None:
        self.pending: list[Callable[[], None]] = []

    def call_later(self, _delay: float, call: Callable[..., None], *args: object) -> None:
        self.pending.append(lambda: call(*args))

    def fire(self) -> None:
        """Call what is pending now, not what that puts off again."""
        pending, self.pending = self.pending, []
        for call in pending:
            call()


class Heard:
    """A connected listener, and the socket that a test plays."""

    def __init__(self, codec: Codec | None = None, *, max_frame: int = 1000) -> None:
        self.stage = Stage()
        self.wired = Wired(more=self.stage.commands())
        self.timers = Timers()
        self.writers = Writers(self.wired.soon.append, self.wired.metrics)
        self.shared = Shared(
            self.wired.dispatcher,
            self.writers,
            self.wired.metrics,
            OutboxSettings(max_bytes=OUTBOX),
            max_frame,
            cast("asyncio.AbstractEventLoop", self.timers),
        )
        self.socket = Socket()
        self.listener = Listener("c_1", ANONYMOUS, codec or JsonCodec(), self.shared)
        self.pipe = self.socket.underlying_transport

    @property
    def transport(self) -> WSTransport:
        return cast("WSTransport", self.socket)

    def connect(self) -> None:
        self.listener.on_ws_connected(self.transport)
        self.wired.turn()
        self.pipe.written.clear()

    def hear(self, kind: WSMsgType, payload: str | bytes, *, fin: bool = True) -> None:
        """Let the peer's frame come in."""
        data = payload.encode() if isinstance(payload, str) else payload
        self.listener.on_ws_frame(self.transport, ws_frame(kind, data, fin=fin))

    def text(self, payload: str | bytes, *, fin: bool = True) -> None:
        self.hear(WSMsgType.TEXT, payload, fin=fin)

    def more(self, payload: str | bytes, *, fin: bool = False) -> None:
        self.hear(WSMsgType.CONTINUATION, payload, fin=fin)

    def close_frame(self, code: int | None) -> None:
        self.hear(WSMsgType.CLOSE, b"" if code is None else struct.pack("!H", code))

    @property
    def frames(self) -> list[Frame]:
        return [parsed(*one) for one in unframed(self.pipe.data)]

    @property
    def closes(self) -> list[object]:
        """The codes of all close frames sent."""
        return [call[1] for call in self.socket.calls if call[0] == "close"]


def ws_frame(
    kind: WSMsgType, payload: bytes, *, fin: bool = True, reserved: bool = False
) -> WSFrame:
    return _make_test_ws_frame(kind, payload, fin, reserved)
