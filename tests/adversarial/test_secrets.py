"""No secret, and no part of one, in anything that the bus says."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from pathlib import Path

import aiohttp
import jwt
from support.certificates import certificate
from support.peer import peer
from support.server import Server, running

LIMIT = 20
PART = 8  # so many characters of a secret in a row are a part of it
SECRET = "kP4vX9sQ2mT7wZ1rB6nY3cL8dF5gH0jA"
REDIS = "uR3kN8vQ6tW1yE5pM9zX"
KEY_WORD = "hJ7bV2nC4xZ8lK1sD6fG"

# A bus in which checking one token and showing the health page fail, with secrets in local
# variables, as a fault in them would.
PROGRAM = """
import sys
from arqonbus.app import build
from arqonbus.shield.tokens import TokenAuthenticator
from arqonbus.cli.main import main

real = TokenAuthenticator.authenticate

def authenticate(self, token):
    secret = self
    if token and token.endswith("crash"):
        raise RuntimeError("a fault in the shield")
    return real(self, token)

def health(self):
    secret = self._bus
    raise RuntimeError("a fault in a page")

TokenAuthenticator.authenticate = authenticate
build.Status.health = health
sys.argv[0] = "arqonbus"
main()
"""


def token(**claims: object) -> str:
    now = int(time.time())
    return jwt.encode(
        {"sub": "ada", "tenant": "blue", "iat": now, "exp": now + 300} | claims, SECRET, "HS256"
    )


def parts(secret: str) -> set[str]:
    return {secret[at : at + PART] for at in range(len(secret) - PART + 1)}


def leaked(text: str, secrets: dict[str, str]) -> list[str]:
    return [
        f"{name}: …{text[max(0, text.index(part) - 60) :][:160]}"
        for name, secret in secrets.items()
        for part in sorted(parts(secret))
        if part in text
    ]


async def ask(url: str, tls: ssl.SSLContext, head: bytes) -> str:
    """What a raw request gets; it may be garbage."""
    host, _, port = url.partition("://")[2].partition(":")
    reader, writer = await asyncio.open_connection(host, int(port), ssl=tls)
    writer.write(head)
    async with asyncio.timeout(LIMIT):
        try:
            got = (await reader.read(65_536)).decode("latin-1")
        except ConnectionError:
            got = ""
    writer.close()
    return got


def heads(one: str) -> list[bytes]:
    """Requests with a token in every place, good and broken."""
    upgrade = (
        "Host: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    )
    header, offer = (
        f"Authorization: Bearer {one}\r\n",
        f"Sec-WebSocket-Protocol: arqonbus.bearer.{one}\r\n",
    )
    made = [
        f"GET / HTTP/1.1\r\n{upgrade}{header}\r\n",
        f"GET / HTTP/1.1\r\n{upgrade}{offer}\r\n",
        f"GET / HTTP/1.1\r\n{upgrade}{header}{offer}\r\n",
        f"GET /?access_token={one} HTTP/1.1\r\n{upgrade}\r\n",
        f"GET /health?access_token={one} HTTP/1.1\r\nHost: a\r\n{header}\r\n",
        f"POST /v1/admin/reload?access_token={one} HTTP/1.1\r\nHost: a\r\n{header}\r\n",
        f"GET /ready HTTP/1.1\r\nHost: a\r\n{header}{header}\r\n",
    ]
    return [text.encode("latin-1") for text in made]


def broken(one: str) -> list[bytes]:
    """Requests that can't be parsed; a server may tell their sender where, but nobody else."""
    made = [
        f"GET /ready HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {one}\0\r\n\r\n",
        f"GET /ready HTTP/1.1\r\nHost: a\r\nAuthorization Bearer {one}\r\n\r\n",
        f"GET /ready HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {one * 100}\r\n\r\n",
        f"GET /{one * 100} HTTP/1.1\r\nHost: a\r\n\r\n",
        f"{one} / HTTP/1.1\r\n\r\n",
        f"GET /ready HTTP/{one}\r\n\r\n",
    ]
    return [text.encode("latin-1") for text in made]


async def test_no_part_of_a_secret_is_told(tmp_path: Path) -> None:
    files = certificate(tmp_path, "bus", password=KEY_WORD.encode())
    word = tmp_path / "word"
    word.write_text(KEY_WORD)
    settings = {
        "auth_secret": SECRET, "redis_password": REDIS, "tls_cert_file": files.cert,
        "tls_key_file": files.key, "tls_key_password_file": word, "log_level": "debug",
    }  # fmt: skip
    tokens = {
        "good": token(jti="x" * 9),
        "old": token(exp=int(time.time()) - 900),
        "forged": token(sub="eve")[:-6] + "AAAAAA",
        "crash": token() + "crash",
    }
    secrets = {"secret": SECRET, "redis": REDIS, "word": KEY_WORD} | {
        # The first part of every token is the same and says the algorithm only.
        name: one.partition(".")[2]
        for name, one in tokens.items()
    }
    tls = ssl.create_default_context(cafile=files.cert)
    said: list[str] = []
    async with running(("-c", PROGRAM), tmp_path / "data", **settings) as server:
        for one in tokens.values():
            for head in heads(one):
                said.extend([await ask(url, tls, head) for url in (server.url, server.http)])
            for head in broken(one):
                for url in (server.url, server.http):
                    await ask(url, tls, head)
        said.extend(await everything_shown(server, tls, tokens["good"]))
    said.append(json.dumps(server.log))
    assert any("a fault in the shield" in text for text in said)
    assert any("a fault in a page" in text for text in said)
    assert [leak for text in said for leak in leaked(text, secrets)] == []


async def everything_shown(server: Server, tls: ssl.SSLContext, good: str) -> list[str]:
    said = []
    async with aiohttp.ClientSession() as session:
        for path in ("/health", "/ready", "/version", "/metrics", f"/{good}?access_token={good}"):
            async with session.get(server.http + path, ssl=tls) as response:
                said.append(f"{response.headers} {await response.text()}")
    headers = {"Authorization": f"Bearer {good}"}
    async with peer(server.url, ssl=tls, additional_headers=headers) as one:
        said.append(json.dumps([one.welcome, await one.ok("status"), await one.ok("help")]))
        said.append(json.dumps(await one.call("status", token="wrong")))
    return said
