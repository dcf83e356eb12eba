"""One WebSocket connection of a client, on picows; knows nothing of subscriptions."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, cast
from urllib.parse import urlsplit, urlunsplit

import msgspec
from picows import (
    WSCloseCode,
    WSError,
    WSFrame,
    WSHandshakeError,
    WSListener,
    WSMsgType,
    WSTransport,
    ws_connect,
)

from arqonbus.client.codec import ClientCodec
from arqonbus.client.errors import (
    ClientError,
    ConnectFailedError,
    HandshakeRefusedError,
    ProtocolViolationError,
    lost,
)
from arqonbus.client.tokens import Credentials
from arqonbus.protocol.close import CloseCode
from arqonbus.protocol.outbound import ServerFrame, Welcome

# A history page is bounded by the server; this bounds what a broken one could make us hold.
_MAX_FRAME = 128 * 1024 * 1024
_ABNORMAL = 1006
_ERROR_BODY = 500


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where and how to connect. `credentials` are asked at every attempt: tokens end."""

    url: str
    codec: ClientCodec
    credentials: Credentials | None
    ssl_context: ssl.SSLContext | None
    timeout: float
    ping_interval: float
    ping_timeout: float


class Closure(NamedTuple):
    """Why a connection ended; `error` is set when this side ended it over a violation."""

    code: int
    reason: str
    error: ClientError | None = None


class _Refusal(msgspec.Struct):
    """The part of a refused handshake's body that is for programs."""

    error_code: str = ""


@dataclass(slots=True, eq=False)
class _Partial:
    parts: list[bytes] = field(default_factory=list)
    size: int = 0


class Connection(WSListener):
    """Frames in, frames out, and how it ended (`closed`)."""

    def __init__(self, codec: ClientCodec, on_frame: Callable[[ServerFrame], None]) -> None:
        loop = asyncio.get_running_loop()
        self.closed: asyncio.Future[Closure] = loop.create_future()
        self._welcomed: asyncio.Future[Welcome] = loop.create_future()
        self._codec = codec
        self._on_frame = on_frame
        self._kind = WSMsgType.BINARY if codec.binary else WSMsgType.TEXT
        self._transport: WSTransport | None = None
        self._partial: _Partial | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._closure: Closure | None = None
        self._paused = False

    async def welcome(self) -> Welcome:
        """The server's greeting.

        Raises:
            ConnectionLostError: the connection ended without one.
            ProtocolViolationError: something else came first.
        """
        await asyncio.wait((self._welcomed, self.closed), return_when=asyncio.FIRST_COMPLETED)
        if self._welcomed.done():
            return self._welcomed.result()
        closure = self.closed.result()
        raise closure.error or lost(closure.code, closure.reason)

    def send(self, data: bytes) -> None:
        """Queue one frame; nothing happens on a connection that is closing."""
        if self._transport is not None and not self._transport.is_close_frame_sent:
            self._transport.send(self._kind, data)

    async def drain(self) -> None:
        """Wait until the socket takes data, or the connection ends."""
        if not self._writable.is_set():
            await self._writable.wait()

    def pause_reading(self) -> None:
        """Let the socket's own window push back on the server."""
        if self._transport is not None and not self._paused and not self.closed.done():
            self._paused = True
            self._transport.underlying_transport.pause_reading()

    def resume_reading(self) -> None:
        """Read again."""
        if self._transport is not None and self._paused and not self.closed.done():
            self._paused = False
            self._transport.underlying_transport.resume_reading()

    def fail(self, error: ClientError) -> None:
        """End the connection because the server broke the protocol."""
        self._closure = Closure(CloseCode.PROTOCOL_ERROR, str(error), error)
        self._send_close(CloseCode.PROTOCOL_ERROR)
        self._disconnect()

    async def close(self, timeout: float) -> None:  # noqa: ASYNC109 - how long the peer may take
        """Say goodbye, then cut."""
        self._closure = self._closure or Closure(CloseCode.NORMAL, "closed by this client")
        self._send_close(CloseCode.NORMAL)
        # A paused socket would never bring the server's answer.
        self.resume_reading()
        await asyncio.wait((self.closed,), timeout=timeout)
        self._disconnect()

    def on_ws_connected(self, transport: WSTransport) -> None:
        """The handshake is through."""
        self._transport = transport
        selected = transport.response.headers.get("Sec-WebSocket-Protocol")
        if selected != self._codec.subprotocol:
            self.fail(ProtocolViolationError(f"the server selected subprotocol {selected!r}"))

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """One frame; pings are answered by picows."""
        if self._closure is not None and frame.msg_type is not WSMsgType.CLOSE:
            return
        if frame.msg_type is self._kind and frame.fin and self._partial is None:
            self._take(frame.get_payload_as_bytes())
        elif frame.msg_type is WSMsgType.CLOSE:
            self._closed_by_server(transport, frame)
        elif frame.msg_type not in (WSMsgType.PING, WSMsgType.PONG):
            self._fragment(frame)

    def on_ws_disconnected(self, transport: WSTransport) -> None:  # noqa: ARG002 - picows' signature
        """The socket is gone."""
        self._writable.set()
        if not self.closed.done():
            self.closed.set_result(self._closure or Closure(_ABNORMAL, "the connection broke"))

    def pause_writing(self) -> None:
        """See `asyncio.BaseProtocol.pause_writing`."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """See `asyncio.BaseProtocol.resume_writing`."""
        self._writable.set()

    def _take(self, data: bytes) -> None:
        try:
            frame = self._codec.decode(data)
            if self._welcomed.done():
                self._on_frame(frame)
            elif isinstance(frame, Welcome):
                self._welcomed.set_result(frame)
            else:
                self.fail(ProtocolViolationError("the first frame was no welcome"))
        except ProtocolViolationError as error:
            self.fail(error)

    def _fragment(self, frame: WSFrame) -> None:
        """Messages in pieces, as intermediaries may make them (RFC 6455, section 5.4)."""
        first = frame.msg_type is self._kind
        if first == (self._partial is not None) or (
            not first and frame.msg_type is not WSMsgType.CONTINUATION
        ):
            self.fail(ProtocolViolationError(f"unexpected {frame.msg_type.name} frame"))
            return
        self._partial = partial = self._partial or _Partial()
        partial.parts.append(frame.get_payload_as_bytes())
        partial.size += frame.payload_size
        if partial.size > _MAX_FRAME:
            self.fail(ProtocolViolationError("a message beyond any limit"))
        elif frame.fin:
            self._partial = None
            self._take(b"".join(partial.parts))

    def _closed_by_server(self, transport: WSTransport, frame: WSFrame) -> None:
        payload = frame.get_payload_as_bytes()
        code = int.from_bytes(payload[:2], "big") if len(payload) > 1 else CloseCode.NORMAL
        reason = payload[2:].decode(errors="replace")
        self._closure = self._closure or Closure(code, reason)
        self._send_close(code)
        transport.disconnect()

    def _send_close(self, code: int) -> None:
        if self._transport is not None and not self._transport.is_close_frame_sent:
            self._transport.send_close(cast("WSCloseCode", code))

    def _disconnect(self) -> None:
        if self._transport is not None and not self._transport.is_disconnected:
            self._transport.disconnect()


async def connect(
    endpoint: Endpoint, on_frame: Callable[[ServerFrame], None]
) -> tuple[Connection, Welcome]:
    """A connection that was welcomed.

    Raises:
        HandshakeRefusedError: the server answered with an HTTP status.
        ConnectFailedError: nobody answered, or not in time.
        ConnectionLostError: the server closed before its welcome.
        ProtocolViolationError: what answered does not speak protocol 1.0.
        TokenProviderError: there is no token to present.
    """
    token = None if endpoint.credentials is None else await endpoint.credentials.token()
    connection = Connection(endpoint.codec, on_frame)
    try:
        async with asyncio.timeout(endpoint.timeout):
            await ws_connect(
                lambda: connection,
                endpoint.url,
                ssl_context=endpoint.ssl_context,
                websocket_handshake_timeout=endpoint.timeout,
                extra_headers=_headers(endpoint, token),
                max_frame_size=_MAX_FRAME,
                max_redirects=0,
                enable_auto_ping=True,
                auto_ping_idle_timeout=endpoint.ping_interval,
                auto_ping_reply_timeout=endpoint.ping_timeout,
            )
            return connection, await connection.welcome()
    except WSHandshakeError as error:
        raise _refusal(error, token) from error
    except (OSError, TimeoutError, WSError) as error:
        await connection.close(0)
        where = _shown(endpoint.url)
        raise ConnectFailedError(f"{where}: {str(error) or 'no answer in time'}") from error
    except BaseException:  # cancelled, or refused above: the socket must not outlive this call
        await connection.close(0)
        raise


def _headers(endpoint: Endpoint, token: str | None) -> Mapping[str, str]:
    headers = {"Sec-WebSocket-Protocol": endpoint.codec.subprotocol}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    return headers


def _shown(url: str) -> str:
    """A URL without what may be a secret in it: its user part and its query."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _refusal(error: WSHandshakeError, token: str | None) -> ClientError:
    if error.response is None:
        return ConnectFailedError(str(error))
    whole = (error.raw_body or b"").decode(errors="replace")
    if token is not None:  # something on the way may answer with what it was asked
        whole = whole.replace(token, "********")
    after = str(error.response.headers.get("Retry-After", ""))
    return HandshakeRefusedError(
        int(error.response.status),
        whole[:_ERROR_BODY],
        code=_error_code(whole),
        # The other form, a date (RFC 9110, section 10.2.3), is not the bus's.
        retry_after=float(after) if re.fullmatch("[0-9]{1,9}", after) else None,
    )


def _error_code(body: str) -> str:
    try:
        return msgspec.json.decode(body, type=_Refusal).error_code
    except (msgspec.DecodeError, RecursionError):
        return ""
