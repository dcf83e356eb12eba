"""With TLS, a load balancer that tries whether the port is open locked out all who come by it."""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
from pathlib import Path

from support.certificates import certificate
from support.peer import peer
from support.server import serving

LIMIT = 20


async def test_opening_and_closing_is_no_failed_handshake(tmp_path: Path) -> None:
    own = certificate(tmp_path, "bus", ends=dt.timedelta(days=30))
    settings = {"profile": "staging", "tls_cert_file": own.cert, "tls_key_file": own.key,
                "limits_failed_handshake_burst": 2,
                "limits_failed_handshakes_per_address": 0.001}  # fmt: skip
    async with serving(tmp_path / "data", **settings) as server:
        host, _, port = server.url.removeprefix("wss://").partition(":")
        for _ in range(6):
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write_eof()
            async with asyncio.timeout(LIMIT):
                assert await reader.read() == b""
            writer.close()
        async with peer(server.url, ssl=ssl.create_default_context(cafile=own.cert)) as one:
            await one.ok("ping")
