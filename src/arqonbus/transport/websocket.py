"""The WebSocket server on picows."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING

import structlog
from picows import (
    WSUpgradeRequest,
    WSUpgradeResponse,
    WSUpgradeResponseWithListener,
    ws_create_server,
)

from arqonbus.errors import ErrorCode
from arqonbus.model.ids import new_client_id
from arqonbus.protocol.close import CloseCode
from arqonbus.protocol.json_codec import JsonCodec
from arqonbus.protocol.msgpack_codec import MsgpackCodec
from arqonbus.transport.handshake import HandshakeRefused, negotiate
from arqonbus.transport.listener import Listener

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from arqonbus.config.model import OutboxSettings, Settings
    from arqonbus.gateway.dispatch import Dispatcher
    from arqonbus.protocol.codec import Codec
    from arqonbus.shield.interface import Authenticator
    from arqonbus.telemetry.metrics import Metrics
    from arqonbus.transport.outbox import Writers

# Small, because most of the memory of an idle connection is its read buffer.
_READ_BUFFER = 2048

log = structlog.get_logger(__name__)


@dataclass(slots=True, eq=False)
class Shared:
    """What all connections of a server share."""

    dispatcher: Dispatcher
    writers: Writers
    metrics: Metrics
    outbox: OutboxSettings
    max_frame_bytes: int
    loop: asyncio.AbstractEventLoop
    listeners: dict[Listener, None] = field(default_factory=dict)


class WebSocketServer:
    """Listens, shakes hands, and closes everybody when asked."""

    def __init__(self, settings: Settings, shield: Authenticator, shared: Shared) -> None:
        self._settings = settings
        self._shield = shield
        self._shared = shared
        depth = settings.limits.max_depth
        self._codecs: dict[str, Codec] = {
            codec.subprotocol: codec for codec in (JsonCodec(depth), MsgpackCodec(depth))
        }
        self._servers: list[asyncio.Server] = []
        self._idle_task: asyncio.Task[None] | None = None

    async def start(self, sockets: Sequence[socket.socket]) -> None:
        """Listen on bound sockets.

        Raises:
            OSError: another program listens there meanwhile.
        """
        heartbeat = self._settings.heartbeat
        for bound in sockets:
            server = await ws_create_server(
                self._accept,
                sock=bound,
                websocket_handshake_timeout=heartbeat.handshake_timeout,
                enable_auto_ping=True,
                auto_ping_idle_timeout=heartbeat.interval,
                auto_ping_reply_timeout=heartbeat.timeout,
                max_frame_size=self._shared.max_frame_bytes,
                read_buffer_init_size=_READ_BUFFER,
            )
            self._servers.append(server)
        if heartbeat.idle_timeout is not None:
            self._idle_task = asyncio.create_task(self._close_idle(heartbeat.idle_timeout))

    def stop_accepting(self) -> None:
        """Close the listening sockets; connections stay."""
        for server in self._servers:
            server.close()

    async def close(self, code: CloseCode, timeout: float) -> None:  # noqa: ASYNC109 - seconds to all peers together
        """Close every connection, waiting for the peers up to `timeout` seconds."""
        self.stop_accepting()
        if self._idle_task is not None:
            self._idle_task.cancel()
        deadline = self._shared.loop.time() + timeout
        for listener in tuple(self._shared.listeners):
            listener.close(code)
        while (  # noqa: ASYNC110 - once, at the end
            self._shared.listeners and self._shared.loop.time() < deadline
        ):
            await asyncio.sleep(0.01)

    async def _close_idle(self, timeout: float) -> None:  # noqa: ASYNC109 - a setting, no deadline
        while True:
            await asyncio.sleep(timeout / 8)
            now = self._shared.loop.time()
            for listener in tuple(self._shared.listeners):
                if listener.active:
                    # A flag for each frame and a clock for each sweep: a clock's reading for each
                    # frame would be a measurable part of its cost.
                    listener.active, listener.quiet_since = False, now
                elif listener.quiet_since + timeout <= now:
                    listener.close(CloseCode.IDLE)

    def _check_room(self) -> None:
        if len(self._shared.listeners) >= self._settings.limits.max_connections:
            raise HandshakeRefused(
                HTTPStatus.SERVICE_UNAVAILABLE,
                ErrorCode.RATE_LIMITED,
                "the server has as many connections as it may",
                {"Retry-After": "5"},
            )

    def _accept(self, request: WSUpgradeRequest) -> WSUpgradeResponseWithListener:
        try:
            self._check_room()
            agreed = negotiate(request.path, request.headers, self._shield)
        except HandshakeRefused as refused:
            self._shared.metrics.handshake_refused(refused.code.value)
            return WSUpgradeResponseWithListener(
                WSUpgradeResponse.create_error_response(
                    refused.status, refused.body, refused.headers
                ),
                None,
            )
        except Exception:
            log.exception("a handshake failed")
            self._shared.metrics.internal_error("handshake")
            body = b'{"error":"internal error; the server has logged it","error_code":"INTERNAL"}'
            response = WSUpgradeResponse.create_error_response(
                HTTPStatus.INTERNAL_SERVER_ERROR, body, {"Content-Type": "application/json"}
            )
            return WSUpgradeResponseWithListener(response, None)
        selected = {"Sec-WebSocket-Protocol": agreed.selected} if agreed.selected else None
        codec = self._codecs[agreed.subprotocol]
        listener = Listener(new_client_id(), agreed.principal, codec, self._shared)
        return WSUpgradeResponseWithListener(
            WSUpgradeResponse.create_101_response(selected), listener
        )
