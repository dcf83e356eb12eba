"""TLS in the server itself: who gets in, what is refused, and what a reload leaves alone."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import hashlib
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from support.certificates import Certificate, certificate
from support.peer import peer
from support.server import Server, serving
from websockets.exceptions import InvalidMessage, InvalidStatus

LIMIT = 20
SECRET = "kP4vX9sQ2mT7wZ1rB6nY3cL8dF5gH0jA"


@pytest.fixture
def own(tmp_path: Path) -> Certificate:
    return certificate(tmp_path, "bus", ends=dt.timedelta(days=30))


def context(trusted: Certificate, presented: Certificate | None = None) -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=trusted.cert)
    if presented is not None:
        made.load_cert_chain(presented.cert, presented.key)
    return made


@asynccontextmanager
async def secured(tmp_path: Path, own: Certificate, **settings: object) -> AsyncIterator[Server]:
    files = {"tls_cert_file": own.cert, "tls_key_file": own.key}
    async with serving(tmp_path / "data", **files, **settings) as server:
        assert server.url.startswith("wss://")
        assert server.http.startswith("https://")
        yield server


async def http(url: str, tls: ssl.SSLContext, path: str = "/ready") -> int:
    reader, writer = await opened(url, tls)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    async with asyncio.timeout(LIMIT):
        line = await reader.readline()
        await reader.read()
    writer.close()
    return int(line.split()[1])


def at(url: str) -> tuple[str, int]:
    host, _, port = url.partition("://")[2].partition(":")
    return host, int(port)


async def opened(
    url: str, tls: ssl.SSLContext | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(*at(url), ssl=tls)


async def test_both_ports_speak_it(tmp_path: Path, own: Certificate, codec: str) -> None:
    tls = context(own)
    async with secured(tmp_path, own) as server:
        assert await http(server.http, tls) == 200
        async with peer(server.url, codec, ssl=tls) as one, peer(server.url, ssl=tls) as other:
            await other.ok("join_channel", room="lobby", channel="talk")
            for number in range(50):
                await one.publish("lobby", "talk", {"n": number, "pad": "x" * 20_000})
            got = [(await other.until("message"))["payload"]["n"] for _ in range(50)]
            assert got == list(range(50))


async def test_a_slow_reader_over_tls_is_paused_and_told(tmp_path: Path, own: Certificate) -> None:
    tls = context(own)
    limits = {"outbox_max_bytes": 2 * 1024 * 1024, "storage_backend": "memory"}
    async with (
        secured(tmp_path, own, **limits) as server,
        peer(server.url, ssl=tls, max_queue=1, close_timeout=0.1) as idle,
        peer(server.url, ssl=tls) as busy,
    ):
        await idle.ok("join_channel", room="lobby", channel="talk")
        for _ in range(30):
            await busy.publish("lobby", "talk", "x" * 500_000)
        async with asyncio.timeout(LIMIT):
            while not server.events("outbox overflow"):
                await busy.ok("ping")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_old_versions_are_refused(
    tmp_path: Path, own: Certificate, version: ssl.TLSVersion
) -> None:
    old = context(own)
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version, old.maximum_version = version, version
    async with secured(tmp_path, own) as server:
        for url in (server.url, server.http):
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await opened(url, old)


async def test_weak_ciphers_are_refused_and_good_ones_are_chosen(
    tmp_path: Path, own: Certificate
) -> None:
    weak, modern = context(own), context(own)
    weak.maximum_version = ssl.TLSVersion.TLSv1_2
    weak.set_ciphers("ECDHE+AES:!AESGCM:!AESCCM")
    async with secured(tmp_path, own) as server:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await opened(server.url, weak)
        _, writer = await opened(server.url, modern)
        assert writer.get_extra_info("ssl_object").version() == "TLSv1.3"
        writer.close()


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"\0" * 5000,
        b"\x16\x03\x01\xff\xff" + b"\xff" * 70_000,
        b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03",
        b"\x15\x03\x03\x00\x02\x02\x28",
        b"\x80\x2e\x01\x03\x01",
    ],
)
async def test_garbage_instead_of_tls_ends_the_connection_and_nothing_else(
    tmp_path: Path, own: Certificate, garbage: bytes
) -> None:
    async with secured(tmp_path, own, heartbeat_handshake_timeout=1) as server:
        for url in (server.url, server.http):
            reader, writer = await opened(url, None)
            writer.write(garbage)
            async with asyncio.timeout(LIMIT):
                with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                    await reader.readexactly(10_000)
            writer.close()
        async with peer(server.url, ssl=context(own)) as one:
            await one.ok("ping")
        assert not [line for line in server.log if line.get("level") == "error"]


async def test_half_open_tls_is_ended_in_time(tmp_path: Path, own: Certificate) -> None:
    async with secured(tmp_path, own, heartbeat_handshake_timeout=0.2) as server:
        for url in (server.url, server.http):
            reader, writer = await opened(url, None)
            async with asyncio.timeout(LIMIT):
                with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                    await reader.readexactly(1)
            writer.close()


async def test_without_the_demanded_certificate_nobody_gets_in(
    tmp_path: Path, own: Certificate
) -> None:
    mine, other = certificate(tmp_path, "mine"), certificate(tmp_path, "other")
    async with secured(tmp_path, own, tls_client_ca_file=mine.cert) as server:
        async with peer(server.url, ssl=context(own, mine)) as one:
            await one.ok("ping")
        assert await http(server.http, context(own, mine)) == 200
        for presented in (None, other):
            with pytest.raises((ssl.SSLError, ConnectionError, InvalidMessage)):
                async with peer(server.url, ssl=context(own, presented)):
                    pass
            with pytest.raises((ssl.SSLError, ConnectionError, IndexError)):
                await http(server.http, context(own, presented))


def bound_token(to: Certificate) -> str:
    der = x509.load_pem_x509_certificate(to.cert.read_bytes()).public_bytes(Encoding.DER)
    digest = base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode()
    now = int(time.time())
    claims = {
        "sub": "ada", "tenant": "blue", "iat": now, "exp": now + 300, "cnf": {"x5t#S256": digest},
    }  # fmt: skip
    return jwt.encode(claims, SECRET, "HS256")


async def test_a_stolen_token_is_worth_nothing_without_its_certificate(
    tmp_path: Path, own: Certificate
) -> None:
    mine = certificate(tmp_path, "mine")
    stranger = certificate(tmp_path, "stranger")
    both = tmp_path / "both.pem"
    both.write_bytes(mine.cert.read_bytes() + stranger.cert.read_bytes())
    headers = {"Authorization": f"Bearer {bound_token(mine)}"}
    settings = {"auth_secret": SECRET, "tls_client_ca_file": both}
    async with secured(tmp_path, own, **settings) as server:
        tls = context(own, mine)
        async with peer(server.url, ssl=tls, additional_headers=headers) as one:
            await one.ok("ping")
        with pytest.raises(InvalidStatus) as caught:
            async with peer(server.url, ssl=context(own, stranger), additional_headers=headers):
                pass
        assert caught.value.response.status_code == 401
        assert b"another certificate" in caught.value.response.body


async def test_a_bound_token_over_plain_sockets_is_refused(tmp_path: Path) -> None:
    headers = {"Authorization": f"Bearer {bound_token(certificate(tmp_path, 'mine'))}"}
    async with serving(tmp_path / "data", auth_secret=SECRET) as server:
        with pytest.raises(InvalidStatus) as caught:
            async with peer(server.url, additional_headers=headers):
                pass
        assert caught.value.response.status_code == 401


async def test_a_certificate_that_ends_soon_is_told(tmp_path: Path) -> None:
    soon = certificate(tmp_path, "bus", ends=dt.timedelta(days=3))
    async with secured(tmp_path, soon) as server:
        [warning] = server.events("the certificate ends soon: renew it and reload")
        assert warning["days_left"] == 2


async def test_renegotiation_is_refused(own: Certificate) -> None:
    """Python's clients can't ask for it; that the server says no is a flag of its context."""
    from arqonbus.config.shield import TlsSettings
    from arqonbus.edge.tls import load

    loaded = load(TlsSettings(cert_file=own.cert, key_file=own.key), time.time())
    assert loaded.context.options & ssl.OP_NO_RENEGOTIATION
    assert loaded.context.options & ssl.OP_NO_COMPRESSION
