"""The client's side of TLS, against a server of Python's own."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest
from support.certificates import Certificate, certificate

from arqonbus.client import InvalidArgumentError, tls_context


async def meet(server: ssl.SSLContext, client: ssl.SSLContext) -> bytes:
    """The certificate that the server saw."""
    seen: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.set_result(writer.get_extra_info("ssl_object").getpeercert(binary_form=True) or b"")
        writer.close()

    listening = await asyncio.start_server(greet, "127.0.0.1", 0, ssl=server)
    async with listening:
        address = listening.sockets[0].getsockname()
        _, writer = await asyncio.open_connection(*address, ssl=client)
        try:
            async with asyncio.timeout(20):
                return await seen
        finally:
            writer.close()


def serving(own: Certificate, trusted: Certificate | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own.cert, own.key)
    if trusted is not None:
        context.load_verify_locations(trusted.cert)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


async def test_it_believes_the_authority_it_was_given_and_no_other(tmp_path: Path) -> None:
    own, other = certificate(tmp_path, "bus"), certificate(tmp_path, "other")
    assert await meet(serving(own), tls_context(ca_file=own.cert)) == b""
    for context in (tls_context(), tls_context(ca_file=other.cert)):
        with pytest.raises(ssl.SSLCertVerificationError):
            await meet(serving(own), context)


async def test_it_presents_its_certificate(tmp_path: Path) -> None:
    own = certificate(tmp_path, "bus")
    mine = certificate(tmp_path, "mine", password=b"open sesame")
    context = tls_context(
        ca_file=own.cert, cert_file=mine.cert, key_file=mine.key, key_password="open sesame"
    )
    assert await meet(serving(own, mine), context) == ssl.PEM_cert_to_DER_cert(
        mine.cert.read_text()
    )


@pytest.mark.parametrize("broken", ["absent", "garbage", "locked", "alone"])
def test_files_that_cannot_be_used(tmp_path: Path, broken: str) -> None:
    mine = certificate(tmp_path, "mine", password=b"open sesame")
    (tmp_path / "garbage").write_text("garbage")
    files = {
        "absent": {"ca_file": tmp_path / "absent"},
        "garbage": {"ca_file": tmp_path / "garbage"},
        "locked": {"cert_file": mine.cert, "key_file": mine.key},
        "alone": {"key_file": mine.key},
    }[broken]
    with pytest.raises(InvalidArgumentError) as caught:
        tls_context(**files)  # type: ignore[arg-type]  # paths, all of them
    assert "sesame" not in str(caught.value)
