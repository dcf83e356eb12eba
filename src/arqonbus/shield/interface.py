"""What an authenticator is, and how it refuses."""

import enum
from typing import Final, Protocol

from arqonbus.errors import ArqonBusError, ErrorCode
from arqonbus.model.principal import Principal


class AuthReason(enum.StrEnum):
    """Why a peer was refused: a closed set, so that it can be a metric's label."""

    MISSING = "missing"
    MALFORMED = "malformed"
    SIGNATURE = "signature"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    CLAIMS = "claims"
    REVOKED = "revoked"
    UNKNOWN_KEY = "unknown_key"
    UNAVAILABLE = "unavailable"


# The token may be good: it is the bus that can't tell yet.
RETRYABLE: Final = frozenset({AuthReason.UNKNOWN_KEY, AuthReason.UNAVAILABLE})


class AuthError(ArqonBusError):
    """The peer did not show who it is.

    Attributes:
        reason: The kind of refusal.
    """

    def __init__(self, reason: AuthReason, message: str) -> None:
        super().__init__(
            ErrorCode.UNAUTHENTICATED,
            message,
            retryable=reason in RETRYABLE,
            about=f"token: {reason}",
        )
        self.reason = reason


class Authenticator(Protocol):
    """Turns what a peer presents at its handshake into a principal."""

    def authenticate(self, token: str | None) -> Principal:
        """The principal behind a bearer token; None when the peer presented none.

        Raises:
            AuthError: when the peer must not come in.
        """
        ...
