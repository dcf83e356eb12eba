"""The WebSocket server on picows."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING

import structlog
from picows import WSUpgradeRequest, WSUpgradeResponse, WSUpgradeResponseWithListener

from arqonbus.edge.acceptor import Acceptor
from arqonbus.edge.refusal import HandshakeRefused
from arqonbus.errors import ErrorCode
from arqonbus.model.ids import new_client_id
from arqonbus.protocol.close import CloseCode
from arqonbus.protocol.json_codec import JsonCodec
from arqonbus.protocol.msgpack_codec import MsgpackCodec
from arqonbus.transport.entrance import Entrance, Options
from arqonbus.transport.handshake import Agreement, Rules, negotiate
from arqonbus.transport.listener import Listener

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from arqonbus.config.limits import OutboxSettings
    from arqonbus.config.model import Settings
    from arqonbus.edge.edge import Edge
    from arqonbus.edge.gate import Visitor
    from arqonbus.gateway.dispatch import Dispatcher
    from arqonbus.protocol.codec import Codec
    from arqonbus.shield.interface import Authenticator
    from arqonbus.telemetry.metrics import Metrics
    from arqonbus.transport.outbox import Writers

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

    def __init__(
        self, settings: Settings, shield: Authenticator, edge: Edge, shared: Shared
    ) -> None:
        self._settings = settings
        self._rules = Rules(shield, edge.origins, edge.query_token)
        self._edge = edge
        self._shared = shared
        depth = settings.limits.max_depth
        self._codecs: dict[str, Codec] = {
            codec.subprotocol: codec for codec in (JsonCodec(depth), MsgpackCodec(depth))
        }
        heartbeat = settings.heartbeat
        self._options = Options(
            heartbeat.handshake_timeout,
            heartbeat.interval,
            heartbeat.timeout,
            shared.max_frame_bytes,
        )
        self._acceptor = Acceptor(edge, self._entrance, proxied=True)
        self._idle_task: asyncio.Task[None] | None = None

    async def start(self, sockets: Sequence[socket.socket]) -> None:
        """Listen on bound sockets.

        Raises:
            OSError: another program listens there meanwhile.
        """
        self._acceptor.start(sockets)
        idle_timeout = self._settings.heartbeat.idle_timeout
        if idle_timeout is not None:
            self._idle_task = asyncio.create_task(self._close_idle(idle_timeout))

    def stop_accepting(self) -> None:
        """Close the listening sockets; connections stay."""
        self._acceptor.stop()

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

    def _entrance(self, visitor: Visitor) -> Entrance:
        return Entrance(self._options, visitor, self._accept)

    def _accept(
        self, request: WSUpgradeRequest, visitor: Visitor, certificate: str | None
    ) -> WSUpgradeResponseWithListener:
        try:
            agreed = self._agree(request, visitor, certificate)
        except HandshakeRefused as refused:
            self._edge.answered(refused, visitor)
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
        visitor.done()
        # Both are lists, and so Firefox sends them; picows knows single values only.
        request.headers["Connection"], request.headers["Upgrade"] = "Upgrade", "websocket"
        selected = {"Sec-WebSocket-Protocol": agreed.selected} if agreed.selected else None
        codec = self._codecs[agreed.subprotocol]
        listener = Listener(new_client_id(), agreed.principal, codec, self._shared)
        listener.address, listener.certificate = str(visitor.address), certificate
        return WSUpgradeResponseWithListener(
            WSUpgradeResponse.create_101_response(selected), listener
        )

    def _agree(
        self, request: WSUpgradeRequest, visitor: Visitor, certificate: str | None
    ) -> Agreement:
        self._check_room()
        self._edge.identify(visitor, lambda name: request.headers.getall(name, []))
        agreed = negotiate(request.path, request.headers, self._rules, certificate)
        visitor.admit(agreed.principal)
        return agreed
