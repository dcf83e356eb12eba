"""The protocol of one accepted connection: picows', with the visitor it belongs to.

picows documents no class for this, only `ws_create_server`, whose listener factory is told nothing
of the connection. So its version is bound in pyproject.toml, and a test compares the arguments
here with those `ws_create_server` passes. Nothing that is called per message is overridden.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from picows import WSAutoPingStrategy, WSUpgradeRequest, WSUpgradeResponseWithListener
from picows.picows import WSProtocol  # type: ignore[attr-defined]  # its type hints leave it out

from arqonbus.edge.gate import Visitor
from arqonbus.shield.binding import thumbprint

# Small, because most of the memory of an idle connection is its read buffer.
READ_BUFFER = 2048

Factory = Callable[[WSUpgradeRequest], WSUpgradeResponseWithListener]
Accept = Callable[[WSUpgradeRequest, Visitor, str | None], WSUpgradeResponseWithListener]


@dataclass(frozen=True, slots=True)
class Options:
    """What picows is told for every connection."""

    handshake_timeout: float
    ping_interval: float
    ping_timeout: float
    max_frame_bytes: int

    def arguments(self, factory: Factory) -> tuple[object, ...]:
        """Those of `WSProtocol`, which has no names for them."""
        return (
            None,  # host and port, of a client only
            None,  # path, of a client only
            False,  # is_client_side
            factory,
            logging.getLogger("picows.server"),
            True,  # disconnect_on_exception
            self.handshake_timeout,
            True,  # enable_auto_ping
            self.ping_interval,
            self.ping_timeout,
            WSAutoPingStrategy.PING_WHEN_IDLE,
            True,  # enable_auto_pong
            self.max_frame_bytes,
            None,  # extra_headers, of a client only
            READ_BUFFER,
        )


class Entrance(WSProtocol):  # type: ignore[misc]  # untyped, see the import
    """Calls `accept` with the request, the visitor and the thumbprint of its certificate."""

    __slots__ = ("_accept", "_visitor")

    def __init__(self, options: Options, visitor: Visitor, accept: Accept) -> None:
        self._visitor = visitor
        self._accept = accept
        super().__init__(*options.arguments(self._asked))

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.BaseProtocol.connection_lost`."""
        try:
            super().connection_lost(exc)
        finally:
            self._visitor.left()

    def _asked(self, request: WSUpgradeRequest) -> WSUpgradeResponseWithListener:
        return self._accept(request, self._visitor, self._certificate())

    def _certificate(self) -> str | None:
        tls = self.transport.underlying_transport.get_extra_info("ssl_object")
        presented: bytes | None = tls and tls.getpeercert(binary_form=True)
        return thumbprint(presented) if presented else None
