"""Close codes: RFC 6455, section 7.4, and ours. 4000–4099 reconnect and resume; 4100–4199 do not
come back.
"""

from __future__ import annotations

import enum


class CloseCode(enum.IntEnum):
    """Why the server closes a connection."""

    NORMAL = 1000
    PROTOCOL_ERROR = 1002
    UNSUPPORTED_DATA = 1003
    INVALID_TEXT = 1007
    POLICY_VIOLATION = 1008
    MESSAGE_TOO_BIG = 1009
    INTERNAL_ERROR = 1011
    GOING_AWAY = 4000
    OUTBOX_OVERFLOW = 4001
    IDLE = 4002
    RATE_LIMITED = 4003
    UNAUTHENTICATED = 4100
    REVOKED = 4101


REASONS: dict[CloseCode, str] = {
    CloseCode.NORMAL: "done",
    CloseCode.PROTOCOL_ERROR: "WebSocket protocol error",
    CloseCode.UNSUPPORTED_DATA: "frame type does not fit the subprotocol",
    CloseCode.INVALID_TEXT: "text frame is not UTF-8",
    CloseCode.POLICY_VIOLATION: "repeated protocol violations",
    CloseCode.MESSAGE_TOO_BIG: "message is larger than the limit",
    CloseCode.INTERNAL_ERROR: "internal error",
    CloseCode.GOING_AWAY: "server is going away: reconnect",
    CloseCode.OUTBOX_OVERFLOW: "too slow, outbox is full: reconnect and resume",
    CloseCode.IDLE: "idle for too long: reconnect",
    CloseCode.RATE_LIMITED: "over a rate limit again and again: reconnect and send less",
    CloseCode.UNAUTHENTICATED: "the token has expired: come back with another one",
    CloseCode.REVOKED: "the token was revoked",
}


# RFC 6455 section 7.4.1: going away, abnormal, internal error; 1012 and 1013 are registered.
_RESUMABLE = frozenset({1001, 1006, 1011, 1012, 1013, *range(4000, 4100)})


def may_resume(code: int) -> bool:
    """Whether a client that was closed with `code` should reconnect and resume.

    Abnormal closure (1006) and service restarts count as resumable, RFC 6455 section 7.4.1.
    """
    return code in _RESUMABLE
