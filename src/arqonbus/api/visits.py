"""HTTP connections and their visitors, and an end for those that say nothing or take nothing.

aiohttp waits for a first request without any limit of time.
"""

from __future__ import annotations

import asyncio
from typing import Final, cast

from arqonbus.edge.gate import Visitor

# From the end of a request's head: its body, the answer, and the peer's taking of it.
_SECONDS: Final = 30.0


class Visits:
    """The connections that are open."""

    def __init__(self, head_timeout: float) -> None:
        self._head_timeout = head_timeout
        self._open: dict[asyncio.BaseTransport, Visit] = {}

    def visit(self, handler: asyncio.Protocol, visitor: Visitor) -> Visit:
        """The protocol of a connection that `handler` serves."""
        return Visit(handler, visitor, self._open, self._head_timeout)

    def spoke(self, transport: asyncio.BaseTransport | None) -> Visitor:
        """Who sent a request, whose head has come.

        Raises:
            ConnectionResetError: they are gone.
        """
        visit = self._open.get(transport) if transport is not None else None
        if visit is None:
            raise ConnectionResetError("the client has left")
        visit.spoke(_SECONDS)
        return visit.visitor


class Visit(asyncio.Protocol):
    """Passes everything on to `handler`, and keeps the time."""

    def __init__(
        self,
        handler: asyncio.Protocol,
        visitor: Visitor,
        visits: dict[asyncio.BaseTransport, Visit],
        head_timeout: float,
    ) -> None:
        self.visitor = visitor
        self._handler = handler
        self._visits = visits
        self._head_timeout = head_timeout

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.BaseProtocol.connection_made`."""
        self._transport = cast("asyncio.Transport", transport)
        self._visits[transport] = self
        self._limit(self._head_timeout)
        self._handler.connection_made(transport)

    def spoke(self, seconds: float) -> None:
        """The head of the request has come: so much time is left."""
        self.visitor.done()
        self._end.cancel()
        self._limit(seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.BaseProtocol.connection_lost`."""
        self._end.cancel()
        del self._visits[self._transport]
        self.visitor.left()
        self._handler.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol.data_received`."""
        self._handler.data_received(data)

    def eof_received(self) -> bool | None:
        """See `asyncio.Protocol.eof_received`."""
        return self._handler.eof_received()

    def pause_writing(self) -> None:
        """See `asyncio.BaseProtocol.pause_writing`."""
        self._handler.pause_writing()

    def resume_writing(self) -> None:
        """See `asyncio.BaseProtocol.resume_writing`."""
        self._handler.resume_writing()

    def _limit(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self._end = loop.call_later(seconds, self._transport.abort)
