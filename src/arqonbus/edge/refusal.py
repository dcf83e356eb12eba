"""A request that is not served, as an HTTP answer."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from http import HTTPStatus

from arqonbus.errors import ErrorCode


class HandshakeRefused(Exception):  # noqa: N818 - a decision, no fault
    """No upgrade: an HTTP status, an error code and one sentence for the body; `about` is for the
    operator's records only.
    """

    def __init__(
        self,
        status: HTTPStatus,
        code: ErrorCode,
        message: str,
        headers: Mapping[str, str] | None = None,
        *,
        about: str = "",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.about = about
        self.headers = {"Content-Type": "application/json", "Cache-Control": "no-store"} | dict(
            headers or {}
        )
        self.body = json.dumps({"error": message, "error_code": code.value}).encode()


def malformed(message: str) -> HandshakeRefused:
    """A request that means nothing."""
    return HandshakeRefused(HTTPStatus.BAD_REQUEST, ErrorCode.VALIDATION_ERROR, message)


def too_many(message: str, limit: str, wait: float) -> HandshakeRefused:
    """The setting `limit` was reached; the client may come again after so many seconds."""
    return HandshakeRefused(
        HTTPStatus.TOO_MANY_REQUESTS,
        ErrorCode.RATE_LIMITED,
        f"{message} ({limit})",
        {"Retry-After": str(max(1, math.ceil(wait)))},
        about=limit,
    )
