"""The one error family of the bus: a wire code, a message for a person and a retry hint."""

from __future__ import annotations

import enum


class ErrorCode(enum.StrEnum):
    """Wire codes of protocol 1.0; docs/protocol.md says when each is sent."""

    VALIDATION_ERROR = "VALIDATION_ERROR"
    UNSUPPORTED_VERSION = "UNSUPPORTED_VERSION"
    UNKNOWN_TYPE = "UNKNOWN_TYPE"
    UNKNOWN_COMMAND = "UNKNOWN_COMMAND"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    NOT_FOUND = "NOT_FOUND"
    CONFLICT = "CONFLICT"
    RATE_LIMITED = "RATE_LIMITED"
    PAYLOAD_TOO_LARGE = "PAYLOAD_TOO_LARGE"
    POLICY_BLOCKED = "POLICY_BLOCKED"
    STORAGE_UNAVAILABLE = "STORAGE_UNAVAILABLE"
    DURABILITY_NOT_MET = "DURABILITY_NOT_MET"
    INTERNAL = "INTERNAL"


class ArqonBusError(Exception):
    """A refusal that can be told to the peer.

    Attributes:
        code: the wire code.
        message: one sentence for a person, free of internals.
        retryable: whether the same request may succeed later.
        retry_after: seconds after which it may, where that is known.
        about: what it was about, and which rule says so: for the operator's records only.
    """

    def __init__(
        self,
        code: ErrorCode,
        message: str,
        *,
        retryable: bool = False,
        retry_after: float | None = None,
        about: str = "",
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retryable = retryable
        self.retry_after = retry_after
        self.about = about


class StorageError(ArqonBusError):
    """The store refused or could not be reached: nothing of the batch was stored.

    `detail` is for the log of whoever runs the server (hosts, what a driver said); it is in the
    error's text but not in `message`, which peers are sent.
    """

    def __init__(self, message: str, *, detail: str = "") -> None:
        super().__init__(ErrorCode.STORAGE_UNAVAILABLE, message, retryable=True)
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.message}: {self.detail}" if self.detail else self.message


class LimitError(ArqonBusError):
    """RATE_LIMITED: more than a limit allows. `limit` is the setting that says so."""

    def __init__(self, limit: str, message: str, retry_after: float | None = None) -> None:
        text = f"{message} ({limit})"
        super().__init__(
            ErrorCode.RATE_LIMITED, text, retryable=True, retry_after=retry_after, about=limit
        )
        self.limit = limit


def invalid(message: str) -> ArqonBusError:
    """A VALIDATION_ERROR that says which field and why."""
    return ArqonBusError(ErrorCode.VALIDATION_ERROR, message)


def not_found(message: str) -> ArqonBusError:
    """A NOT_FOUND that names what is missing."""
    return ArqonBusError(ErrorCode.NOT_FOUND, message)


def conflict(message: str) -> ArqonBusError:
    """A CONFLICT that says what stands in the way."""
    return ArqonBusError(ErrorCode.CONFLICT, message)
