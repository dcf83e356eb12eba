"""Answers in JSON that no cache keeps, and the HTTP status of every error."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from aiohttp import web

from arqonbus.edge.refusal import HandshakeRefused
from arqonbus.errors import ArqonBusError, ErrorCode

NO_STORE: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

STATUS: Final = {
    ErrorCode.UNAUTHENTICATED: HTTPStatus.UNAUTHORIZED,
    ErrorCode.FORBIDDEN: HTTPStatus.FORBIDDEN,
    ErrorCode.POLICY_BLOCKED: HTTPStatus.FORBIDDEN,
    ErrorCode.NOT_FOUND: HTTPStatus.NOT_FOUND,
    ErrorCode.UNKNOWN_COMMAND: HTTPStatus.NOT_FOUND,
    ErrorCode.CONFLICT: HTTPStatus.CONFLICT,
    ErrorCode.PAYLOAD_TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    ErrorCode.RATE_LIMITED: HTTPStatus.TOO_MANY_REQUESTS,
    ErrorCode.STORAGE_UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    ErrorCode.DURABILITY_NOT_MET: HTTPStatus.SERVICE_UNAVAILABLE,
    ErrorCode.INTERNAL: HTTPStatus.INTERNAL_SERVER_ERROR,
}


def answer(content: dict[str, object], status: int = 200) -> web.Response:
    """A JSON answer that no cache keeps."""
    return web.json_response(content, status=status, headers=NO_STORE)


def refused(error: ArqonBusError | HandshakeRefused) -> web.Response:
    """An error as the WebSocket side tells it too."""
    if isinstance(error, HandshakeRefused):
        headers = {**error.headers, **NO_STORE}
        return web.Response(body=error.body, status=error.status, headers=headers)
    status = STATUS.get(error.code, HTTPStatus.BAD_REQUEST)
    response = answer({"error": error.message, "error_code": error.code}, status)
    if status is HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    if status is HTTPStatus.TOO_MANY_REQUESTS:
        response.headers["Retry-After"] = "1"
    return response
