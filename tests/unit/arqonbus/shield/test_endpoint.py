"""A whole answer of status 200 in time, from whom the certificate says, or an outage."""

from __future__ import annotations

import gzip
import json
import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from support.certificates import Certificate, certificate
from support.key_server import KeyServer, key_server
from support.tokens import jwk

from arqonbus.shield.authorities import tls_context
from arqonbus.shield.endpoint import Endpoint
from arqonbus.shield.jwks import MAX_SET_BYTES, KeySetError

KEY = jwk(ed25519.Ed25519PrivateKey.generate(), kid="a")
LIMIT = 20.0


async def fetched(server: KeyServer, *, limit: float = LIMIT, ca: Path | None = None) -> bytes:
    return await Endpoint(server.url, tls_context(ca), limit=limit).fetch()


async def refusal(server: KeyServer, *, limit: float = LIMIT, ca: Path | None = None) -> str:
    with pytest.raises(KeySetError) as caught:
        await fetched(server, limit=limit, ca=ca)
    return str(caught.value)


async def test_what_is_there() -> None:
    async with key_server(KEY) as server:
        assert json.loads(await fetched(server)) == {"keys": [KEY]}


@pytest.mark.parametrize("status", [201, 204, 301, 302, 303, 307, 308, 400, 404, 500, 503])
async def test_no_redirect_is_followed_and_no_other_status_is_an_answer(status: int) -> None:
    async with key_server(KEY) as other, key_server(KEY) as server:
        server.says(
            "" if status == 204 else json.dumps({"keys": [KEY]}), status, {"Location": other.url}
        )
        assert f"answered {status}" in await refusal(server)
        assert other.requests == []
        assert len(server.requests) == 1


async def test_no_more_is_read_than_a_set_can_be() -> None:
    async with key_server() as server:
        server.says(b" " * MAX_SET_BYTES)
        assert len(await fetched(server)) == MAX_SET_BYTES
        server.says(b" " * (MAX_SET_BYTES + 1))
        assert "larger than" in await refusal(server)


async def test_an_answer_that_grows_is_not_unpacked() -> None:
    async with key_server() as server:
        packed = gzip.compress(b" " * 50_000_000)
        server.says(packed, headers={"Content-Encoding": "gzip"})
        assert await fetched(server) == packed


async def test_an_answer_that_comes_slowly_is_none() -> None:
    async with key_server(KEY) as server:
        server.drips()
        assert "in time" in await refusal(server, limit=0.3)


async def test_nobody_there() -> None:
    async with key_server() as server:
        pass
    assert "can't be reached" in await refusal(server)


def serving_tls(of: Certificate) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(of.cert, of.key)
    return context


async def test_certificates_are_verified(tmp_path: Path) -> None:
    ours, other = certificate(tmp_path, "ours"), certificate(tmp_path, "other")
    async with key_server(KEY, tls=serving_tls(ours)) as server:
        assert json.loads(await fetched(server, ca=ours.cert)) == {"keys": [KEY]}
        assert "can't be reached" in await refusal(server)
        assert "can't be reached" in await refusal(server, ca=other.cert)


async def test_the_name_is_verified(tmp_path: Path) -> None:
    ours = certificate(tmp_path, "ours")
    async with key_server(KEY, tls=serving_tls(ours)) as server:
        server.url = server.url.replace("127.0.0.1", "127.0.0.2")
        assert "can't be reached" in await refusal(server, ca=ours.cert)


def test_authorities_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    for file in ("ca.pem", "absent.pem"):
        with pytest.raises(OSError, match=r"."):
            tls_context(tmp_path / file)


async def test_no_cookie_is_kept_and_no_credential_sent() -> None:
    async with key_server(KEY) as server:
        endpoint = Endpoint(server.url, tls_context(None))
        server.says("{}", headers={"Set-Cookie": "a=b"})
        await endpoint.fetch()
        await endpoint.fetch()
        assert server.headers[-1].keys() & {"Cookie", "Authorization"} == set()
