"""The administrator's requests: POST with a bearer token, JSON in and out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from arqonbus.api.answers import answer, refused
from arqonbus.api.interface import Admin, Caller
from arqonbus.edge.edge import Edge
from arqonbus.edge.gate import Visitor
from arqonbus.edge.refusal import HandshakeRefused
from arqonbus.errors import ArqonBusError, ErrorCode, invalid
from arqonbus.shield.binding import thumbprint
from arqonbus.shield.form import read_object

COMMANDS: Final = {"/v1/admin/reload": "admin.reload", "/v1/admin/revoke": "admin.revoke"}
VISITOR: Final = web.RequestKey("visitor", Visitor)

_BODY_SECONDS: Final = 10.0


class AdminPages:
    """The handlers over one bus."""

    def __init__(self, admin: Admin, edge: Edge) -> None:
        self._admin = admin
        self._edge = edge

    def routes(self) -> list[web.RouteDef]:
        """The routes of an application."""
        return [web.post(path, self._handler(command)) for path, command in COMMANDS.items()]

    def _handler(self, command: str) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            visitor = request[VISITOR]
            try:
                # A page of another site can't read the answer, but it could have asked.
                self._edge.origins.check(request.headers.getall("Origin", []))
                result = await self._admin.run(
                    _caller(request, visitor), command, await _arguments(request)
                )
            except HandshakeRefused as error:
                self._edge.answered(error, visitor)
                return refused(error)
            except ArqonBusError as error:
                if error.code is ErrorCode.UNAUTHENTICATED:
                    self._edge.refused(error.code.value, visitor, error.about)
                elif error.code is ErrorCode.FORBIDDEN:
                    # Reported by `admin`, which knows who it was.
                    self._edge.turned_away(error.code.value, visitor)
                return refused(error)
            return answer({"status": "success", "payload": result})

        return handle


def _caller(request: web.Request, visitor: Visitor) -> Caller:
    tls = request.get_extra_info("ssl_object")
    presented: bytes | None = tls and tls.getpeercert(binary_form=True)
    return Caller(
        _bearer(request), thumbprint(presented) if presented else None, str(visitor.address)
    )


def _bearer(request: web.Request) -> str | None:
    values = request.headers.getall("Authorization", [])
    if len(values) > 1:
        raise ArqonBusError(ErrorCode.UNAUTHENTICATED, "more than one token was given")
    scheme, _, token = (values[0] if values else "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


async def _arguments(request: web.Request) -> dict[str, object]:
    """The body: a JSON object, or nothing for no arguments."""
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            body = await request.read()
    except TimeoutError:
        raise invalid("the body did not come in time") from None
    except (web.RequestPayloadError, ConnectionError):
        raise invalid("the body's encoding is broken, or it came to no end") from None
    if not body:
        return {}
    if request.content_type != "application/json":
        raise invalid("the body must be application/json")
    try:
        # As strictly as a token: what could be read in two ways is not acted on.
        return read_object(body)
    except ValueError:
        raise invalid(
            "the body must be one JSON object in UTF-8, without a name twice or NaN"
        ) from None
