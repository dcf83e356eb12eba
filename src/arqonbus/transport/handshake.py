"""The opening handshake (RFC 6455, section 4.2), decided before anything is allocated."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from arqonbus.edge.refusal import HandshakeRefused, malformed
from arqonbus.errors import ErrorCode
from arqonbus.protocol import SUBPROTOCOL_JSON, SUBPROTOCOL_MSGPACK, SUBPROTOCOL_TOKEN_PREFIX
from arqonbus.shield.binding import check_binding
from arqonbus.shield.interface import AuthError

if TYPE_CHECKING:
    from multidict import CIMultiDict

    from arqonbus.edge.origins import Origins
    from arqonbus.model.principal import Principal
    from arqonbus.shield.interface import Authenticator

_SUPPORTED = (SUBPROTOCOL_JSON, SUBPROTOCOL_MSGPACK)
_PATHS = (b"/", b"/v1")
_KEY_BYTES = 16
_MAX_PARAMETERS = 64
QUERY_TOKEN: Final = "access_token"  # noqa: S105 - a parameter's name (RFC 6750, section 2.3)


@dataclass(frozen=True, slots=True)
class Rules:
    """What a request is judged by."""

    shield: Authenticator
    origins: Origins
    query_token: bool


@dataclass(frozen=True, slots=True)
class Agreement:
    """What both sides agreed on. `selected` is the subprotocol to answer with, or None when the
    client offered none and the default holds.
    """

    subprotocol: str
    selected: str | None
    principal: Principal


def negotiate(
    target: bytes, headers: CIMultiDict[str], rules: Rules, certificate: str | None
) -> Agreement:
    """Check the request and the token, choose the subprotocol.

    Args:
        target: the request's path and query.
        headers: the request's headers.
        rules: what to judge by.
        certificate: the thumbprint of the client's certificate, if it presented one.

    Raises:
        HandshakeRefused: with the status to answer.
    """
    path, _, query = target.partition(b"?")
    if path not in _PATHS:
        raise HandshakeRefused(
            HTTPStatus.NOT_FOUND, ErrorCode.NOT_FOUND, "the bus is served at / and /v1"
        )
    _check_upgrade(headers)
    rules.origins.check(headers.getall("Origin", []))
    offered = _offered(headers)
    names = [name for name in offered if not name.startswith(SUBPROTOCOL_TOKEN_PREFIX)]
    selected = next((name for name in names if name in _SUPPORTED), None)
    if names and selected is None:
        raise HandshakeRefused(
            HTTPStatus.BAD_REQUEST,
            ErrorCode.UNSUPPORTED_VERSION,
            f"none of the offered subprotocols is served; offer one of {', '.join(_SUPPORTED)}",
        )
    found = [*_query_tokens(query, rules), *_header_tokens(headers, offered)]
    principal = _authenticate(rules.shield, _only(found), certificate)
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
        raise malformed("Sec-WebSocket-Key must be 16 bytes in base64, once")


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


def _query_tokens(query: bytes, rules: Rules) -> list[str]:
    """The tokens in the URL (RFC 6750, section 2.3), which must have been allowed there."""
    try:
        pairs = parse_qsl(
            query.decode(), keep_blank_values=True, max_num_fields=_MAX_PARAMETERS, errors="strict"
        )
    except ValueError:
        raise malformed("the query can't be read") from None
    found = [value for name, value in pairs if name == QUERY_TOKEN]
    if found and not rules.query_token:
        raise malformed(
            f"a token in the URL ({QUERY_TOKEN}) is not taken, for URLs are logged on their way: "
            "send it in the Authorization header or as a subprotocol (or set edge.query_token)"
        )
    return found


def _header_tokens(headers: CIMultiDict[str], offered: list[str]) -> list[str]:
    """The bearer tokens (RFC 6750, section 2.1) of the header and the subprotocol list."""
    found = [
        name.removeprefix(SUBPROTOCOL_TOKEN_PREFIX)
        for name in offered
        if name.startswith(SUBPROTOCOL_TOKEN_PREFIX)
    ]
    for value in headers.getall("Authorization", []):
        scheme, _, token = value.partition(" ")
        if scheme.lower() == "bearer":
            found.append(token.strip())
    return found


def _only(found: list[str]) -> str | None:
    if len(found) > 1:
        raise HandshakeRefused(
            HTTPStatus.BAD_REQUEST, ErrorCode.UNAUTHENTICATED, "more than one token was given"
        )
    return found[0] if found else None


def _authenticate(shield: Authenticator, token: str | None, certificate: str | None) -> Principal:
    try:
        principal = shield.authenticate(token)
        check_binding(principal, certificate)
    except AuthError as error:
        if error.retryable:
            raise HandshakeRefused(
                HTTPStatus.SERVICE_UNAVAILABLE,
                ErrorCode.UNAUTHENTICATED,
                f"not authenticated: {error}",
                {"Retry-After": "1"},
                about=error.about,
            ) from error
        raise HandshakeRefused(
            HTTPStatus.UNAUTHORIZED,
            ErrorCode.UNAUTHENTICATED,
            f"not authenticated: {error}",
            {"WWW-Authenticate": "Bearer"},
            about=error.about,
        ) from error
    return principal
