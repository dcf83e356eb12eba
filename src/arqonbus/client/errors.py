"""What can go wrong for a client: one family, each kind a type of its own."""

from __future__ import annotations


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
    """

    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"handshake refused with HTTP {status}: {body}")
        self.status = status
        self.body = body

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
    """

    def __init__(self, code: str, message: str, *, retryable: bool) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.retryable = retryable


class ProtocolViolationError(ClientError):
    """The server sent what protocol 1.0 does not allow; the client stops rather than guess."""


class StreamBrokenError(ProtocolViolationError):
    """A channel's positions had a hole that no gap explained, or changed their epoch."""
