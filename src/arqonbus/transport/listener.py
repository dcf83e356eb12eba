"""One WebSocket connection: frames to messages (RFC 6455, sections 5.4 to 5.6), and its closing."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import structlog
from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport

from arqonbus.gateway.session import Session
from arqonbus.protocol.close import REASONS, CloseCode
from arqonbus.transport.outbox import Outbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from arqonbus.model.principal import Principal
    from arqonbus.protocol.codec import Codec
    from arqonbus.transport.websocket import Shared

# How long a peer has to take the close frame before the socket is cut.
_CLOSE_GRACE = 2.0
# Bytes that a piece of a fragmented message counts at least.
_PIECE = 64

log = structlog.get_logger(__name__)


class Listener(WSListener):
    """Implements `gateway.outgoing.Connection` on picows."""

    def __init__(self, client_id: str, principal: Principal, codec: Codec, shared: Shared) -> None:
        self.binary = codec.binary
        self.session = Session(client_id, principal, codec, self, shared.dispatcher)
        # Where the client is, and the thumbprint of its certificate: for audit and renewed tokens.
        self.address = ""
        self.certificate: str | None = None
        self.active = True
        self.quiet_since = 0.0
        self._shared = shared
        self._transport: WSTransport | None = None
        self._fragments: list[bytes] | None = None
        self._fragment_bytes = 0
        self._ending = False
        self._closing = False
        self._payload: Callable[[WSFrame], str | bytes]
        if codec.binary:
            self._kind, self._payload = WSMsgType.BINARY, WSFrame.get_payload_as_bytes
        else:
            self._kind, self._payload = WSMsgType.TEXT, WSFrame.get_payload_as_utf8_text
        # Of this kind a final frame is a whole message; None amid a fragmented one and at the end.
        self._expected: WSMsgType | None = self._kind
        self._receive = self.session.receive
        self._writers = shared.writers

    def on_ws_connected(self, transport: WSTransport) -> None:
        """The upgrade was answered: greet."""
        shared = self._shared
        self._transport = transport
        self._outbox = Outbox(
            transport.underlying_transport,
            shared.writers,
            shared.metrics,
            binary=self.binary,
            max_bytes=shared.outbox.max_bytes,
            policy=shared.outbox.on_overflow,
            gap_frame=self.session.gap_frame,
            overflow=self._overflowed,
        )
        self.deliver = self._outbox.deliver
        self.send = self._outbox.send
        self.replay = self._outbox.replay
        self.room = self._outbox.room
        self.has_room = self._outbox.has_room
        self.account = self._outbox.account
        shared.listeners[self] = None
        shared.metrics.connection_opened()
        self.session.start()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """One frame of the peer; control frames but close are answered by picows."""
        kind = frame.msg_type
        if kind is not self._expected or not frame.fin or frame.rsv1 or frame.rsv2 or frame.rsv3:
            self._other_frame(transport, frame, kind)
            return
        self.active = True
        self._writers.bytes_in += frame.payload_size
        try:
            self._receive(self._payload(frame))
        except UnicodeDecodeError:
            self._violated(CloseCode.INVALID_TEXT)

    def _other_frame(self, transport: WSTransport, frame: WSFrame, kind: WSMsgType) -> None:
        if frame.rsv1 or frame.rsv2 or frame.rsv3:
            # RFC 6455, section 5.2: no extension was agreed upon that gives them a meaning.
            self._violated(CloseCode.PROTOCOL_ERROR)
        elif kind is WSMsgType.CLOSE:
            code = frame.get_close_code()
            self._after_frames(lambda: self._closed_by_peer(transport, code))
        elif self._closing or self._ending or kind in (WSMsgType.PING, WSMsgType.PONG):
            return
        elif kind in (WSMsgType.CONTINUATION, self._kind):
            self._fragment(frame, first=kind is self._kind)
        else:
            self._violated(CloseCode.UNSUPPORTED_DATA)

    def _fragment(self, frame: WSFrame, *, first: bool) -> None:
        if first == (self._fragments is not None):
            self._violated(CloseCode.PROTOCOL_ERROR)
            return
        if self._fragments is None:
            self._fragments, self._fragment_bytes = [], 0
            self._expected = None
        self._fragment_bytes += frame.payload_size
        self._writers.bytes_in += frame.payload_size
        # Pieces are counted too: empty ones would cost their sender nothing, and us a little each.
        if max(self._fragment_bytes, len(self._fragments) * _PIECE) > self._shared.max_frame_bytes:
            self._violated(CloseCode.MESSAGE_TOO_BIG)
            return
        self._fragments.append(frame.get_payload_as_bytes())
        if frame.fin:
            data, self._fragments = b"".join(self._fragments), None
            self._expected = self._kind
            self._assembled(data)

    def _assembled(self, data: bytes) -> None:
        self.active = True
        if self.binary:
            self._receive(data)
            return
        try:
            self._receive(data.decode())
        except UnicodeDecodeError:
            self._violated(CloseCode.INVALID_TEXT)

    def _violated(self, code: CloseCode) -> None:
        self._after_frames(lambda: self.close(code))

    def _after_frames(self, then: Callable[[], None]) -> None:
        """What came before the end is still taken; what comes after it is not."""
        if self._closing:
            then()
        elif not self._ending:
            self._ending, self._expected = True, None
            self.session.finish(then)

    def _closed_by_peer(self, transport: WSTransport, code: WSCloseCode) -> None:
        """Echo the code (RFC 6455, section 5.5.1), then let go."""
        self._closing = True
        self._outbox.flush()
        self._outbox.shut()
        if not transport.is_close_frame_sent:
            transport.send_close(_echo(code))
        transport.disconnect()

    def on_ws_disconnected(self, transport: WSTransport) -> None:  # noqa: ARG002 - picows' signature
        """The socket is gone."""
        if self._transport is None:
            return
        self._closing = True
        self._outbox.shut()
        self.session.work()
        if self._shared.listeners.pop(self, 0) is None:
            self._shared.metrics.connection_closed()
        self.session.ended()

    def pause_writing(self) -> None:
        """See `asyncio.BaseProtocol.pause_writing`."""
        if self._transport is not None:
            self._outbox.pause()

    def resume_writing(self) -> None:
        """See `asyncio.BaseProtocol.resume_writing`."""
        if self._transport is not None:
            self._outbox.resume()

    def pause_reading(self) -> None:
        """See `Connection.pause_reading`."""
        if self._transport is not None and not self._closing:
            self._transport.underlying_transport.pause_reading()

    def resume_reading(self) -> None:
        """See `Connection.resume_reading`."""
        if self._transport is not None and not self._closing:
            self._transport.underlying_transport.resume_reading()

    def excuse_ping(self) -> None:
        """See `Connection.excuse_ping`."""
        if self._transport is not None:
            self._transport.notify_user_specific_pong_received()

    def close(self, code: CloseCode) -> None:
        """Write what waits and a close frame; cut the socket if the peer doesn't follow."""
        transport = self._transport
        if self._closing or transport is None:
            return
        self._closing, self._expected = True, None
        self.session.discard()
        self._outbox.flush()
        self._outbox.shut()
        transport.send_close(cast("WSCloseCode", code), REASONS[code].encode())
        # A peer that was paused could otherwise never be heard answering the close. One that floods
        # would go on until it is cut.
        if code is not CloseCode.RATE_LIMITED:
            transport.underlying_transport.resume_reading()
        self._cut_later(transport)

    def _cut_later(self, transport: WSTransport) -> None:
        waiting = transport.underlying_transport.get_write_buffer_size()
        self._shared.loop.call_later(_CLOSE_GRACE, self._cut, transport, waiting)

    def _cut(self, transport: WSTransport, waiting: int) -> None:
        """Cut the socket, unless the peer is still reading its way to the close frame."""
        if transport.is_disconnected:
            return
        if 0 < transport.underlying_transport.get_write_buffer_size() < waiting:
            self._cut_later(transport)
        else:
            transport.disconnect(graceful=False)

    def _overflowed(self) -> None:
        log.warning("outbox overflow", client_id=self.session.client_id)
        self.close(CloseCode.OUTBOX_OVERFLOW)


def _echo(code: WSCloseCode) -> WSCloseCode:
    """The code to answer a close with; one without a code is answered as normal."""
    return WSCloseCode.OK if code == WSCloseCode.NO_INFO else code
