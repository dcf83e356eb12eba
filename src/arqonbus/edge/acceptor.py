"""Sockets taken from the listening ones, judged, and handed to a protocol with their visitor.

This is not left to `loop.create_server` because what has to be known and decided comes before the
first byte of TLS: the peer's address and its limits, the PROXY header, and the certificates that
are in force at this moment.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from arqonbus.edge.edge import Edge
from arqonbus.edge.gate import Visitor
from arqonbus.edge.networks import address_of
from arqonbus.edge.proxy_protocol import ProxyHeaderError, read_header

_SHORTAGES: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
# Time until accepting is tried again when the system has no more files to give.
_SHORTAGE_PAUSE: Final = 1.0
_SHUTDOWN_SECONDS: Final = 2.0

log = structlog.get_logger(__name__)

Protocols = Callable[[Visitor], asyncio.BaseProtocol]


class Acceptor:
    """Serves connections with the protocols of a factory.

    The protocol calls `Visitor.done` after its handshake and `Visitor.left` when its connection
    is lost. One that never gets a connection is told nothing: the acceptor sees to its visitor.
    """

    def __init__(self, edge: Edge, protocols: Protocols, *, proxied: bool) -> None:
        """Prepare; nothing is accepted before `start`.

        Args:
            edge: the rules.
            protocols: makes the protocol for a visitor.
            proxied: whether trusted proxies begin with a PROXY header, where that is chosen.
        """
        self._edge = edge
        self._protocols = protocols
        self._proxied = proxied and edge.proxies.header == "proxy-protocol"
        self._listening: list[tuple[socket.socket, asyncio.Task[None]]] = []
        self._opening: set[asyncio.Task[None]] = set()

    def start(self, sockets: Sequence[socket.socket]) -> None:
        """Listen on bound sockets.

        Raises:
            OSError: another program listens there meanwhile.
        """
        for bound in sockets:
            bound.setblocking(False)
            bound.listen(socket.SOMAXCONN)
        for bound in sockets:
            task = asyncio.get_running_loop().create_task(self._accept(bound))
            self._listening.append((bound, task))

    def stop(self) -> None:
        """Close the listening sockets and what has not finished opening; the rest stays."""
        listening, self._listening = self._listening, []
        for bound, task in listening:
            task.cancel()
            bound.close()
        for opening in self._opening:
            opening.cancel()

    async def _accept(self, bound: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                one, peer = await loop.sock_accept(bound)
            except OSError as error:
                if error.errno in _SHORTAGES:
                    log.error("a connection can't be accepted", reason=error.strerror)  # noqa: TRY400 - the reason says all
                    self._edge.metrics.internal_error("accept")
                    await asyncio.sleep(_SHORTAGE_PAUSE)
                continue  # otherwise the peer was gone before it was accepted
            try:
                self._arrived(one, str(peer[0]))
            except Exception:  # a fault with one connection must not end the listening for all
                log.exception("a connection could not be opened")
                self._edge.metrics.internal_error("accept")
                one.close()

    def _arrived(self, one: socket.socket, peer: str) -> None:
        address = address_of(peer)
        proxy = self._edge.proxies.trusts(address)
        visitor = Visitor(self._edge.gate, address, proxy=proxy)
        if not proxy:  # else it is to be heard yet for whom it speaks
            visitor.settle(address)
        if not visitor.begin() or (visitor.refused and self._edge.tls is not None):
            # With TLS there is no way to answer that doesn't cost what the limit is to save.
            self._turn_away(one, visitor, "RATE_LIMITED")
            return
        task = asyncio.get_running_loop().create_task(self._open(one, visitor))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _open(self, one: socket.socket, visitor: Visitor) -> None:
        try:
            if self._proxied and not await self._introduced(one, visitor):
                return
            tls = self._edge.tls
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: self._protocols(visitor),
                one,
                ssl=tls.context if tls else None,
                ssl_handshake_timeout=self._edge.handshake_timeout if tls else None,
                ssl_shutdown_timeout=_SHUTDOWN_SECONDS if tls else None,
            )
        except (OSError, TimeoutError):  # also TLS that is none, and peers that are gone
            self._turn_away(one, visitor, "TLS" if self._edge.tls else None)
        except Exception:  # nobody awaits this task
            log.exception("a connection could not be opened")
            self._edge.metrics.internal_error("accept")
            self._turn_away(one, visitor, None)
        except asyncio.CancelledError:
            self._turn_away(one, visitor, None)
            raise

    async def _introduced(self, one: socket.socket, visitor: Visitor) -> bool:
        """Read the PROXY header; False after closing a connection that must not go on."""
        if not self._edge.proxies.trusts(visitor.peer):
            self._turn_away(one, visitor, "FORBIDDEN")
            return False
        loop = asyncio.get_running_loop()

        async def read(size: int) -> bytes:
            data = b""
            while len(data) < size:
                more = await loop.sock_recv(one, size - len(data))
                if not more:
                    raise ProxyHeaderError("the connection ended within the header")
                data += more
            return data

        try:
            async with asyncio.timeout(self._edge.handshake_timeout):
                client = await read_header(read)
        except (ProxyHeaderError, TimeoutError):
            self._turn_away(one, visitor, "VALIDATION_ERROR")
            return False
        visitor.settle(client or visitor.peer)
        if visitor.refused and self._edge.tls is not None:
            self._turn_away(one, visitor, "RATE_LIMITED")
            return False
        return True

    def _turn_away(self, one: socket.socket, visitor: Visitor, reason: str | None) -> None:
        visitor.left()
        one.close()
        if reason is not None:
            self._edge.refused(reason, visitor)
