"""The HTTP server: its own port, its own failures, never a shared listener."""

import socket
from collections.abc import Callable, Sequence
from typing import Final

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from prometheus_client import CollectorRegistry

from arqonbus.api.interface import BusStatus
from arqonbus.api.pages import PATHS, Pages, answer
from arqonbus.errors import ErrorCode

# No page takes a body.
MAX_BODY: Final = 1024
SHUTDOWN_SECONDS: Final = 1.0

_CODES: Final = {404: ErrorCode.NOT_FOUND, 413: ErrorCode.PAYLOAD_TOO_LARGE}

_log = structlog.stdlib.get_logger(__name__)


class HttpServer:
    """Serves the pages of one bus."""

    def __init__(
        self,
        status: BusStatus,
        registry: CollectorRegistry,
        on_fault: Callable[[str], None],
    ) -> None:
        """Prepare the server; nothing listens before `start`.

        Args:
            status: The bus's state.
            registry: The metrics to show.
            on_fault: Called with ``api`` when a handler fails; counts the fault.
        """
        self._app = web.Application(client_max_size=MAX_BODY, middlewares=[_errors(on_fault)])
        self._app.add_routes(Pages(status, registry).routes())
        self._runner: web.AppRunner | None = None

    async def start(self, sockets: Sequence[socket.socket]) -> None:
        """Listen on bound sockets.

        Raises:
            OSError: when another program listens there meanwhile.
        """
        self._runner = runner = web.AppRunner(
            self._app, access_log=None, handle_signals=False, shutdown_timeout=SHUTDOWN_SECONDS
        )
        await runner.setup()
        for bound in sockets:
            await web.SockSite(runner, bound).start()

    async def stop(self) -> None:
        """Stop listening and close what is open."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None


def url_of(host: str, port: int) -> str:
    """The base address to show people; IPv6 in brackets."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _errors(on_fault: Callable[[str], None]) -> Middleware:
    """Every error as JSON; a fault of ours is counted and logged and tells the caller nothing."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException as error:
            return _refused(error)
        except Exception:  # noqa: BLE001 - the last line of the HTTP side: counted, logged, answered as INTERNAL
            on_fault("api")
            _log.exception("a page failed", path=request.path)
            return answer({"error": "internal error", "error_code": ErrorCode.INTERNAL}, 500)

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
