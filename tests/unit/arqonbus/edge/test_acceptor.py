"""Accepting goes on, whatever becomes of one connection."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from support.certificates import certificate
from support.waiting import until

from arqonbus.app.addresses import bind, port_of
from arqonbus.config.model import Settings
from arqonbus.config.shield import TlsSettings
from arqonbus.edge import acceptor
from arqonbus.edge.acceptor import Acceptor
from arqonbus.edge.edge import Edge
from arqonbus.edge.gate import Visitor
from arqonbus.edge.tls import Tls
from arqonbus.telemetry.metrics import Metrics
from arqonbus.telemetry.security import SecurityEvents

LIMIT = 20


class Greeting(asyncio.Protocol):
    """Says hello and hangs up."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.visitor.done()
        transport.write(b"hello")
        transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.visitor.left()


class Served:
    def __init__(self, protocols: Callable[[Visitor], asyncio.Protocol]) -> None:
        self.registry = CollectorRegistry()
        settings = Settings.model_validate({"profile": "staging"})
        metrics = Metrics(self.registry)
        self.edge = Edge(settings, metrics, SecurityEvents(metrics), None, time.monotonic)
        self.acceptor = Acceptor(self.edge, protocols, proxied=True)
        self.sockets = bind("127.0.0.1", 0)

    @property
    def faults(self) -> float | None:
        return self.registry.get_sample_value("arqonbus_internal_errors_total", {"where": "accept"})

    async def heard(self) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(self.sockets[0]))
        try:
            async with asyncio.timeout(LIMIT):
                return await reader.read()
        finally:
            writer.close()


@asynccontextmanager
async def serving(protocols: Callable[[Visitor], asyncio.Protocol]) -> AsyncIterator[Served]:
    served = Served(protocols)
    served.acceptor.start(served.sockets)
    try:
        yield served
    finally:
        served.acceptor.stop()


async def test_a_fault_with_one_connection_is_counted_and_the_next_is_served() -> None:
    broken = [True]

    def protocols(visitor: Visitor) -> asyncio.Protocol:
        if broken.pop():
            raise RuntimeError("a fault")
        return Greeting(visitor)

    async with serving(protocols) as served:
        assert await served.heard() == b""
        assert served.faults == 1
        broken.append(False)
        assert await served.heard() == b"hello"
        assert served.edge.gate.pending == 0


async def test_no_more_files_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    real = loop.sock_accept
    errors = [errno.EMFILE, errno.ECONNABORTED]

    async def accept(bound: socket.socket) -> tuple[socket.socket, object]:
        if errors:
            raise OSError(errors.pop(), "as you like")
        return await real(bound)

    monkeypatch.setattr(loop, "sock_accept", accept)
    monkeypatch.setattr(acceptor, "_SHORTAGE_PAUSE", 0.0)
    async with serving(Greeting) as served:
        assert await served.heard() == b"hello"
        assert served.faults == 1


async def test_stopped_is_stopped() -> None:
    async with serving(Greeting) as served:
        port = port_of(served.sockets[0])
        served.acceptor.stop()
        served.acceptor.stop()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)


class Echo(Greeting):
    """Says again what it hears."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.visitor.done()

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


async def test_new_certificates_are_for_new_connections(tmp_path: Path) -> None:
    files = certificate(tmp_path, "bus")
    tls = Tls(TlsSettings(cert_file=files.cert, key_file=files.key), time.time, lambda _: None)
    first = ssl.create_default_context(cafile=files.cert)
    async with serving(Echo) as served:
        served.edge.tls = tls
        to = ("127.0.0.1", port_of(served.sockets[0]))
        reader, writer = await asyncio.open_connection(*to, ssl=first)
        certificate(tmp_path, "bus")
        tls.prepare()()
        second = ssl.create_default_context(cafile=files.cert)
        _, fresh = await asyncio.open_connection(*to, ssl=second)
        with pytest.raises(ssl.SSLCertVerificationError):
            await asyncio.open_connection(*to, ssl=first)
        writer.write(b"still here")
        async with asyncio.timeout(LIMIT):
            assert await reader.readexactly(10) == b"still here"
        for one in (writer, fresh):
            one.close()
            await one.wait_closed()
        await until(lambda: not served.edge.gate.connections)
