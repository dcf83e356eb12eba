"""The HTTP server: its own port, its own failures, never a shared listener."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from typing import Final

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from prometheus_client import CollectorRegistry

from arqonbus.api.admin import VISITOR, AdminPages
from arqonbus.api.answers import answer, refused
from arqonbus.api.interface import Admin, BusStatus
from arqonbus.api.pages import PATHS, Pages
from arqonbus.api.quiet import quiet_logger
from arqonbus.api.visits import Visits
from arqonbus.edge.acceptor import Acceptor
from arqonbus.edge.edge import Edge
from arqonbus.edge.gate import Visitor
from arqonbus.edge.refusal import HandshakeRefused
from arqonbus.errors import ErrorCode

# What an administrator's request may carry; a page takes no body.
MAX_BODY: Final = 16 * 1024
SHUTDOWN_SECONDS: Final = 1.0

_CODES: Final = {404: ErrorCode.NOT_FOUND, 413: ErrorCode.PAYLOAD_TOO_LARGE}

_log = structlog.stdlib.get_logger(__name__)


class HttpServer:
    """Serves the pages of one bus, one request a connection.

    Without a second request nothing can hide behind a first one, and no idle connection needs
    watching.
    """

    def __init__(
        self,
        status: BusStatus,
        registry: CollectorRegistry,
        edge: Edge,
        admin: Admin | None = None,
    ) -> None:
        """Prepare the server; nothing listens before `start`.

        Args:
            status: The bus's state.
            registry: The metrics to show.
            edge: Who may connect; a handler's fault is counted in its metrics as ``api``.
            admin: Runs administrators' commands; None serves none.
        """
        self._edge = edge
        self._visits = Visits(edge.handshake_timeout)
        middlewares = [_errors(edge), self._entry()]
        self._app = web.Application(client_max_size=MAX_BODY, middlewares=middlewares)
        # Some answers, such as to an Expect header, are given before any middleware is asked.
        self._app.on_response_prepare.append(_last)
        self._app.add_routes(Pages(status, registry).routes())
        if admin is not None:
            self._app.add_routes(AdminPages(admin, edge).routes())
        self._runner: web.AppRunner | None = None
        self._acceptor = Acceptor(edge, self._protocol, proxied=False)

    async def start(self, sockets: Sequence[socket.socket]) -> None:
        """Listen on bound sockets.

        Raises:
            OSError: when another program listens there meanwhile.
        """
        metrics = self._edge.metrics
        self._runner = runner = web.AppRunner(
            self._app,
            access_log=None,
            logger=quiet_logger(lambda: metrics.handshake_refused(ErrorCode.VALIDATION_ERROR)),
            handle_signals=False,
            shutdown_timeout=SHUTDOWN_SECONDS,
        )
        await runner.setup()
        self._acceptor.start(sockets)

    async def stop(self) -> None:
        """Stop listening and close what is open."""
        self._acceptor.stop()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def _protocol(self, visitor: Visitor) -> asyncio.BaseProtocol:
        if self._runner is None or self._runner.server is None:
            raise ConnectionAbortedError("the server is stopping")
        return self._visits.visit(self._runner.server(), visitor)

    def _entry(self) -> Middleware:
        """Find out who asks, and refuse who has had enough."""

        @web.middleware
        async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
            try:
                visitor = self._visits.spoke(request.transport)
            except ConnectionResetError as gone:
                raise web.HTTPBadRequest(reason=str(gone)) from None
            try:
                self._edge.identify(visitor, lambda name: request.headers.getall(name, []))
            except HandshakeRefused as error:
                self._edge.answered(error, visitor)
                return refused(error)
            request[VISITOR] = visitor
            return await handler(request)

        return middleware


def url_of(host: str, port: int, *, tls: bool = False) -> str:
    """The base address to show people; IPv6 in brackets."""
    scheme = "https" if tls else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


async def _last(_request: web.Request, response: web.StreamResponse) -> None:
    response.force_close()


def _errors(edge: Edge) -> Middleware:
    """Every error as JSON; a fault of ours is counted and logged and tells the caller nothing."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            response = await handler(request)
        except web.HTTPException as error:
            response = _refused(error)
        except Exception:  # noqa: BLE001 - the last line of the HTTP side: counted, logged, answered as INTERNAL
            edge.metrics.internal_error("api")
            _log.exception("a page failed", path=request.path)
            response = answer({"error": "internal error", "error_code": ErrorCode.INTERNAL}, 500)
        response.force_close()
        return response

    return middleware


def _refused(error: web.HTTPException) -> web.Response:
    code = _CODES.get(error.status, ErrorCode.VALIDATION_ERROR)
    content: dict[str, object] = {"error": error.reason, "error_code": code}
    if error.status == 404:  # noqa: PLR2004 - HTTP's own number
        content["pages"] = list(PATHS)
    response = answer(content, error.status)
    if "Allow" in error.headers:
        response.headers["Allow"] = error.headers["Allow"]
    return response
