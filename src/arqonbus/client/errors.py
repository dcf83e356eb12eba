"""What can go wrong for a client: one family, each kind a type of its own."""

from __future__ import annotations

from arqonbus.errors import ErrorCode
from arqonbus.protocol.close import CloseCode


class ClientError(Exception):
    """Base of everything the client raises."""


class InvalidArgumentError(ClientError):
    """The call can't be sent as it is; nothing was sent."""


class ClientClosedError(ClientError):
    """The client was closed, by this program or for good by the server."""


class ConnectFailedError(ClientError):
    """No connection could be made; trying again may help."""


class HandshakeRefusedError(ClientError):
    """The server answered the handshake with an HTTP status.

    Attributes:
        status: the HTTP status.
        body: the start of the answer's body, as text.
        code: the bus's error code, as in docs/protocol.md; empty if something else answered.
        retry_after: seconds after which the server asks to come again, or None.
    """

    def __init__(
        self, status: int, body: str, *, code: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(f"handshake refused with HTTP {status}: {body}")
        self.status = status
        self.body = body
        self.code = code
        self.retry_after = retry_after

    @property
    def retryable(self) -> bool:
        """Whether the same handshake may succeed later."""
        return self.status in {408, 429} or self.status >= 500  # noqa: PLR2004 - HTTP's ranges


class ConnectionLostError(ClientError):
    """The connection ended; what was asked may or may not have happened.

    Attributes:
        code: the WebSocket close code, 1006 if there was none.
        reason: the server's words.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"connection closed with {code}: {reason or 'no reason given'}")
        self.code = code
        self.reason = reason


class TokenExpiredError(ConnectionLostError):
    """The server ended the connection because its token had expired (4100)."""


class TokenRevokedError(ConnectionLostError):
    """The server ended the connection because its token was revoked (4101)."""


class TokenProviderError(ClientError):
    """The program that gives tokens failed, or gave none that can be sent; never shows one."""


class PublishTimeoutError(ClientError):
    """No receipt came in time: whether the message was taken is unknown.

    Attributes:
        message_id: publishing the same payload with this id again is safe within the server's
            dedup window.
        sent: whether the message left this process at least once.
    """

    def __init__(self, message_id: str, *, sent: bool) -> None:
        outcome = "its outcome is unknown" if sent else "it was never sent"
        super().__init__(f"no receipt for {message_id!r} in time; {outcome}")
        self.message_id = message_id
        self.sent = sent


class RefusedError(ClientError):
    """The server refused a request.

    Attributes:
        code: the wire code, as in docs/protocol.md.
        message: the server's sentence.
        retryable: whether the same request may succeed later.
        retry_after: seconds after which it may, where the server knows.
    """

    def __init__(
        self, code: str, message: str, *, retryable: bool, retry_after: float | None = None
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.retryable = retryable
        self.retry_after = retry_after

    @property
    def rule(self) -> str | None:
        """The id of the payload rule that blocked it; None for other refusals."""
        if self.code != ErrorCode.POLICY_BLOCKED.value:
            return None
        return self.message.partition(":")[0]


class AccessLostError(ClientError):
    """What was allowed before is not any more: the server took this client out.

    Attributes:
        room: the channel's room.
        channel: the channel.
        group: the consumer group, or None if it was the subscription.
    """

    def __init__(self, room: str, channel: str, group: str | None = None, why: str = "") -> None:
        what = f"{room}:{channel}" if group is None else f"group {group} of {room}:{channel}"
        super().__init__(f"no access to {what} any more{why and f': {why}'}")
        self.room = room
        self.channel = channel
        self.group = group


class ProtocolViolationError(ClientError):
    """The server sent what protocol 1.0 does not allow; the client stops rather than guess."""


class StreamBrokenError(ProtocolViolationError):
    """A channel's positions had a hole that no gap explained, or changed their epoch."""


def lost(code: int, reason: str) -> ConnectionLostError:
    """The error for a close code."""
    if code == CloseCode.UNAUTHENTICATED:
        return TokenExpiredError(code, reason)
    if code == CloseCode.REVOKED:
        return TokenRevokedError(code, reason)
    return ConnectionLostError(code, reason)
