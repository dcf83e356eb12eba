"""The opening handshake (RFC 6455, section 4.2), decided before anything is allocated."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from arqonbus.errors import ErrorCode
from arqonbus.protocol import SUBPROTOCOL_JSON, SUBPROTOCOL_MSGPACK, SUBPROTOCOL_TOKEN_PREFIX
from arqonbus.shield.interface import AuthError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from multidict import CIMultiDict

    from arqonbus.model.principal import Principal
    from arqonbus.shield.interface import Authenticator

_SUPPORTED = (SUBPROTOCOL_JSON, SUBPROTOCOL_MSGPACK)
_PATHS = (b"/", b"/v1")
_KEY_BYTES = 16


class HandshakeRefused(Exception):  # noqa: N818 - a decision, no fault
    """No upgrade: an HTTP status, an error code and one sentence for the body."""

    def __init__(
        self,
        status: HTTPStatus,
        code: ErrorCode,
        message: str,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = {"Content-Type": "application/json"} | dict(headers or {})
        self.body = json.dumps({"error": message, "error_code": code.value}).encode()


@dataclass(frozen=True, slots=True)
class Agreement:
    """What both sides agreed on. `selected` is the subprotocol to answer with, or None when the
    client offered none and the default holds.
    """

    subprotocol: str
    selected: str | None
    principal: Principal


def negotiate(path: bytes, headers: CIMultiDict[str], shield: Authenticator) -> Agreement:
    """Check the request and the token, choose the subprotocol.

    Raises:
        HandshakeRefused: with the status to answer.
    """
    if path.split(b"?", 1)[0] not in _PATHS:
        raise HandshakeRefused(
            HTTPStatus.NOT_FOUND, ErrorCode.NOT_FOUND, "the bus is served at / and /v1"
        )
    _check_upgrade(headers)
    offered = _offered(headers)
    names = [name for name in offered if not name.startswith(SUBPROTOCOL_TOKEN_PREFIX)]
    selected = next((name for name in names if name in _SUPPORTED), None)
    if names and selected is None:
        raise HandshakeRefused(
            HTTPStatus.BAD_REQUEST,
            ErrorCode.UNSUPPORTED_VERSION,
            f"none of the offered subprotocols is served; offer one of {', '.join(_SUPPORTED)}",
        )
    principal = _authenticate(shield, _token(headers, offered))
    return Agreement(selected or SUBPROTOCOL_JSON, selected, principal)


def _check_upgrade(headers: CIMultiDict[str]) -> None:
    upgrades = {part.strip().lower() for part in ",".join(headers.getall("Upgrade", [])).split(",")}
    connection = ",".join(headers.getall("Connection", [])).lower().split(",")
    if "websocket" not in upgrades or "upgrade" not in {part.strip() for part in connection}:
        raise HandshakeRefused(
            HTTPStatus.UPGRADE_REQUIRED,
            ErrorCode.VALIDATION_ERROR,
            "this port speaks WebSocket only",
            {"Upgrade": "websocket"},
        )
    if headers.getall("Sec-WebSocket-Version", []) != ["13"]:
        raise HandshakeRefused(
            HTTPStatus.UPGRADE_REQUIRED,
            ErrorCode.VALIDATION_ERROR,
            "Sec-WebSocket-Version must be 13",
            {"Upgrade": "websocket", "Sec-WebSocket-Version": "13"},
        )
    if not _is_key(headers.getall("Sec-WebSocket-Key", [])):
        raise HandshakeRefused(
            HTTPStatus.BAD_REQUEST,
            ErrorCode.VALIDATION_ERROR,
            "Sec-WebSocket-Key must be 16 bytes in base64, once",
        )


def _is_key(values: list[str]) -> bool:
    if len(values) != 1:
        return False
    try:
        return len(base64.b64decode(values[0], validate=True)) == _KEY_BYTES
    except (binascii.Error, ValueError):
        return False


def _offered(headers: CIMultiDict[str]) -> list[str]:
    lines = headers.getall("Sec-WebSocket-Protocol", [])
    return [name.strip() for line in lines for name in line.split(",") if name.strip()]


def _token(headers: CIMultiDict[str], offered: list[str]) -> str | None:
    """The bearer token (RFC 6750, section 2.1), from the header or the subprotocol list."""
    found = [
        name.removeprefix(SUBPROTOCOL_TOKEN_PREFIX)
        for name in offered
        if name.startswith(SUBPROTOCOL_TOKEN_PREFIX)
    ]
    for value in headers.getall("Authorization", []):
        scheme, _, token = value.partition(" ")
        if scheme.lower() == "bearer":
            found.append(token.strip())
    if len(found) > 1:
        raise HandshakeRefused(
            HTTPStatus.BAD_REQUEST, ErrorCode.UNAUTHENTICATED, "more than one token was given"
        )
    return found[0] if found else None


def _authenticate(shield: Authenticator, token: str | None) -> Principal:
    try:
        return shield.authenticate(token)
    except AuthError as error:
        if error.retryable:
            raise HandshakeRefused(
                HTTPStatus.SERVICE_UNAVAILABLE,
                ErrorCode.UNAUTHENTICATED,
                f"not authenticated: {error}",
                {"Retry-After": "1"},
            ) from error
        raise HandshakeRefused(
            HTTPStatus.UNAUTHORIZED,
            ErrorCode.UNAUTHENTICATED,
            f"not authenticated: {error}",
            {"WWW-Authenticate": "Bearer"},
        ) from error
