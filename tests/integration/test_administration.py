"""Administration over HTTP, and certificates that change while the bus runs."""

from __future__ import annotations

import shutil
import ssl
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from support.certificates import Certificate, certificate
from support.server import Server
from support.shielded import bearer, member, shielded, token
from websockets.exceptions import ConnectionClosed


async def post(
    server: Server, command: str, held: str | None, body: object = None
) -> tuple[int, dict[str, Any]]:
    headers = {} if held is None else bearer(held)
    url = f"{server.http}/v1/admin/{command}"
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, json=body or {}, headers=headers) as response,
    ):
        return response.status, await response.json()


async def test_only_administrators_administer(tmp_path: Path) -> None:
    async with shielded(tmp_path) as server:
        for held, status, code in (
            (None, 401, "UNAUTHENTICATED"),
            (token("admin", "operators")[:-4] + "AAAA", 401, "UNAUTHENTICATED"),
            (token("ann", "operators"), 403, "FORBIDDEN"),
            (token("admin", "acme"), 403, "FORBIDDEN"),
        ):
            got = await post(server, "reload", held)
            assert (got[0], got[1]["error_code"]) == (status, code)
        status_code, answer = await post(server, "reload", token("admin", "operators"))
        assert (status_code, answer["status"]) == (200, "success")
        assert answer["payload"]["access"]["weakened"] == []


async def test_a_revocation_over_http_closes_connections_at_once(tmp_path: Path) -> None:
    async with shielded(tmp_path) as server:
        async with member(server, token("ann")) as ann:
            whom = {"subject": "ann", "tenant": "acme"}
            status, answer = await post(server, "revoke", token("admin", "operators"), whom)
            assert (status, answer["payload"]["closed"]) == (200, 1)
            with pytest.raises(ConnectionClosed):
                await ann.until("never")
        status, answer = await post(server, "revoke", token("admin", "operators"), {"subject": 1})
        assert (status, answer["error_code"]) == (400, "VALIDATION_ERROR")


def trusts(*certificates: Certificate) -> ssl.SSLContext:
    made = ssl.create_default_context()
    for one in certificates:
        made.load_verify_locations(one.cert)
    return made


async def presented(server: Server, tls: ssl.SSLContext, held: str) -> bytes | None:
    """The certificate that a new connection is shown."""
    async with member(server, held, ssl=tls) as one:
        found: bytes | None = one.socket.transport.get_extra_info("ssl_object").getpeercert(
            binary_form=True
        )
        return found


async def test_new_connections_get_the_new_certificate_and_old_ones_stay(tmp_path: Path) -> None:
    old, new = certificate(tmp_path, "old"), certificate(tmp_path, "new")
    cert, key = tmp_path / "bus.pem", tmp_path / "bus.key"
    shutil.copy(old.cert, cert)
    shutil.copy(old.key, key)
    tls, held = trusts(old, new), token("admin", "operators")
    async with (
        shielded(tmp_path, tls_cert_file=cert, tls_key_file=key) as server,
        member(server, held, ssl=tls) as admin,
    ):
        before = await presented(server, tls, held)
        shutil.copy(new.cert, cert)
        refused = await admin.call("admin.reload")
        assert refused["error_code"] == "CONFLICT"
        assert await presented(server, tls, held) == before
        shutil.copy(new.key, key)
        assert (await admin.ok("admin.reload"))["tls"] is True
        assert await presented(server, tls, held) not in {before, None}
        await admin.ok("ping")
