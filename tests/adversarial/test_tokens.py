"""Tokens of people who should not have any, shown to a bus that serves (Critical 2)."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from support.key_server import KeyServer, key_server
from support.pages import metric, until_ready
from support.peer import peer
from support.server import Server, serving
from support.tokens import (
    DAY,
    SECRET,
    hand_signed,
    jwk,
    part,
    private_pem,
    public_file,
    public_pem,
    signed,
)
from websockets.exceptions import InvalidStatus

LIMIT = 30
OURS = rsa.generate_private_key(65537, 2048)
THEIRS = rsa.generate_private_key(65537, 2048)
ED = ed25519.Ed25519PrivateKey.generate()
THEIRS_ED = ed25519.Ed25519PrivateKey.generate()
NEW = ed25519.Ed25519PrivateKey.generate()
P256 = ec.generate_private_key(ec.SECP256R1())
HEADER = {"alg": "HS256", "typ": "JWT"}


def claims(**more: object) -> dict[str, object]:
    return {"sub": "eve", "tenant": "acme", "exp": int(time.time()) + DAY, **more}


def keyless(algorithm: object) -> str:
    return f"{part({'alg': algorithm, 'typ': 'JWT'})}.{part(claims())}."


def tampered() -> str:
    head, _, signature = signed().split(".")
    return f"{head}.{part(claims(sub='root'))}.{signature}"


def with_header(**more: object) -> str:
    return hand_signed(HEADER | more, claims())


def named(kid: object) -> str:
    """Signed with what a lookup that went wrong might give: nothing."""
    return hand_signed(HEADER | {"kid": kid}, claims(), b"")


def with_claims(text: str) -> str:
    return hand_signed(HEADER, text)


NONES: tuple[object, ...] = (
    "none", "None", "NONE", "nOnE", "none ", "", None, [], ["none"], {}, 0, False,
)  # fmt: skip
KIDS: tuple[object, ...] = (
    "../../../../dev/null", "/dev/null", "' UNION SELECT '", "https://evil.invalid/k", "x" * 4000,
    ["bus"], {"a": 1}, None, "a\0b", "$(id)", "bus",
)  # fmt: skip
FORGED: dict[str, Callable[[], str]] = {
    "tampered": tampered,
    "unsigned": lambda: signed().rpartition(".")[0] + ".",
    "signed by another": lambda: signed(SECRET[::-1]),
    "signed with an empty key": lambda: hand_signed(HEADER, claims(), b""),
    "another algorithm of the same kind": lambda: signed(SECRET * 2, "HS512"),
    "another kind of algorithm": lambda: signed(private_pem(OURS), "RS256"),
    "expired": lambda: signed(exp=int(time.time()) - DAY),
    "without an end": lambda: signed(exp=None),
    "not yet": lambda: signed(nbf=int(time.time()) + DAY),
    "without a subject": lambda: signed(sub=None),
    "without a tenant": lambda: signed(tenant=None),
    "a tenant that is a path": lambda: signed(tenant="acme/../other"),
    "for somebody else": lambda: signed(aud="another"),
    "named twice": lambda: with_claims('{"sub":"ada","sub":"root","tenant":"a","exp":4000000000}'),
    "an end named twice": lambda: with_claims('{"sub":"a","tenant":"a","exp":1,"exp":4000000000}'),
    "nested without end": lambda: with_claims("[" * 5000),
    "nested deep": lambda: with_claims('{"a":' * 400 + "1" + "}" * 400),
    "no number": lambda: with_claims('{"sub":"a","tenant":"a","exp":NaN}'),
    "no end of time": lambda: with_claims('{"sub":"a","tenant":"a","exp":Infinity}'),
    "a huge number": lambda: with_claims('{"sub":"a","tenant":"a","exp":' + "9" * 4000 + "}"),
    "a huge one in digits": lambda: with_claims('{"sub":"a","tenant":"a","exp":1e400}'),
    "critical": lambda: with_header(crit=["exp"]),
    "critical and not encoded": lambda: with_header(crit=["b64"], b64=False),
    "a key of its own": lambda: signed(
        private_pem(THEIRS), "RS256", {"jwk": jwk(THEIRS), "kid": "theirs"}
    ),
    "nothing": lambda: "..",
    "no token": lambda: "not.a.token",
    "four parts": lambda: signed() + ".AA",
    **{f"none, as {name!r}": partial(keyless, name) for name in NONES},
    **{f"a key named {str(kid)[:20]!r}": partial(named, kid) for kid in KIDS},
}  # fmt: skip


@pytest.fixture
async def guarded(tmp_path: Path) -> AsyncIterator[Server]:
    """A bus that wants tokens signed with the secret."""
    (tmp_path / "bus.key").write_text(SECRET)
    async with serving(tmp_path / "data", auth_secret_file=tmp_path / "bus.key") as server:
        yield server


async def answer(bus: Server, token: str) -> int:
    """The handshake's status; 101 means that the peer was welcomed."""
    try:
        async with peer(bus.url, additional_headers={"Authorization": f"Bearer {token}"}):
            return 101
    except InvalidStatus as refused:
        body = json.loads(refused.response.body or b"")
        assert body["error_code"] == "UNAUTHENTICATED"
        assert token not in body["error"]
        return refused.response.status_code


async def until_answered(bus: Server, token: str, status: int) -> None:
    async with asyncio.timeout(LIMIT):
        while await answer(bus, token) != status:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.05)


async def test_no_forged_token_opens_the_door(guarded: Server) -> None:
    assert await answer(guarded, signed()) == 101
    for name, forge in FORGED.items():
        assert (name, await answer(guarded, forge())) == (name, 401)
    assert await answer(guarded, signed(headers={"kid": "bus"})) == 101
    assert not guarded.events("a handshake failed")
    assert await guarded.stop() == 0
    said = json.dumps(guarded.log)
    for part_of_one in signed().split("."):
        assert part_of_one not in said
    assert SECRET not in said


async def test_a_token_that_is_too_large_opens_nothing(guarded: Server) -> None:
    for size in (7000, 100_000, 1_000_000):
        header = {"Authorization": f"Bearer {signed(filler='x' * size)}"}
        async with aiohttp.ClientSession() as session:
            try:
                async with session.ws_connect(guarded.url, headers=header):
                    raise AssertionError(f"a token of {size} characters was let in")
            except aiohttp.ClientError:
                pass
    assert await answer(guarded, signed()) == 101


async def test_a_public_key_signs_nothing(tmp_path: Path) -> None:
    files = [public_file(tmp_path, "rsa", OURS), public_file(tmp_path, "ed", ED)]
    settings = {"auth_public_key_file": f"{files[0]},{files[1]}", "auth_algorithm": "PS256,EdDSA"}
    async with serving(tmp_path / "data", **settings) as bus:
        assert await answer(bus, signed(private_pem(OURS), "PS256")) == 101
        assert await answer(bus, signed(private_pem(ED), "EdDSA", {"kid": "ed"})) == 101
        for pem in (public_pem(OURS), public_pem(OURS).strip(), public_pem(ED)):
            for algorithm in ("HS256", "PS256", "EdDSA"):
                for kid in ({}, {"kid": "rsa"}, {"kid": "ed"}):
                    forged = hand_signed({"alg": algorithm, **kid}, claims(), pem)
                    assert await answer(bus, forged) == 401
        # The same key, with an algorithm that is not its own.
        assert await answer(bus, signed(private_pem(OURS), "RS256")) == 401
        assert await answer(bus, signed(private_pem(OURS), "RS256", {"alg": "PS256"})) == 101
        assert await answer(bus, signed(private_pem(P256), "ES256", {"kid": "ed"})) == 401


def remote(server: KeyServer, **more: object) -> dict[str, object]:
    return {
        "auth_jwks_url": server.url,
        "auth_algorithm": "EdDSA,RS256",
        "auth_jwks_min_interval": 0.1,
        **more,
    }


def by(key: ed25519.Ed25519PrivateKey, kid: str | None = None, **more: object) -> str:
    return signed(private_pem(key), "EdDSA", {**({"kid": kid} if kid else {}), **more})


async def test_nothing_in_a_token_is_fetched(tmp_path: Path) -> None:
    async with (
        key_server(jwk(THEIRS, kid="theirs")) as evil,
        key_server(jwk(ED, kid="ed"), jwk(OURS, kid="rsa")) as ours,
        serving(tmp_path, **remote(ours)) as bus,
    ):
        for name in ("jku", "x5u", "kid"):
            token = signed(private_pem(THEIRS), "RS256", {"kid": "rsa", name: evil.url})
            assert await answer(bus, token) in {401, 503}
        for more in ({"jwk": jwk(THEIRS)}, {"x5c": ["AA=="]}, {"jwk": jwk(THEIRS, kid="rsa")}):
            token = signed(private_pem(THEIRS), "RS256", {"kid": "rsa", **more})
            assert await answer(bus, token) == 401
        assert await answer(bus, by(ED, "ed", jku=evil.url)) == 101
        assert evil.requests == []
        assert set(ours.requests) == {"/keys"}


async def test_keys_are_rotated_while_the_bus_runs(tmp_path: Path) -> None:
    async with key_server(jwk(ED, kid="old")) as ours, serving(tmp_path, **remote(ours)) as bus:
        assert await answer(bus, by(ED, "old")) == 101
        ours.keys = [jwk(ED, kid="old"), jwk(NEW, kid="new")]
        assert await answer(bus, by(NEW, "new")) == 503
        await until_answered(bus, by(NEW, "new"), 101)
        assert await answer(bus, by(ED, "old")) == 101
        ours.keys = [jwk(NEW, kid="new")]
        assert await answer(bus, by(ED, "unknown")) == 503
        await until_answered(bus, by(ED, "old"), 503)
        assert await answer(bus, by(ED, "new")) == 401
        assert await answer(bus, by(NEW)) == 101


async def test_strangers_do_not_turn_the_bus_against_the_endpoint(tmp_path: Path) -> None:
    async with key_server(jwk(ED, kid="ed")) as ours:
        slow = remote(ours, auth_jwks_min_interval=3600)
        async with serving(tmp_path, **slow) as bus:
            for number in range(50):
                assert await answer(bus, by(THEIRS_ED, f"k{number}")) == 503
            assert await answer(bus, by(ED, "ed")) == 101
            assert len(ours.requests) == 1


POISON = {
    "nothing": ("", 200),
    "a page": ("<html>log in</html>", 200),
    "no keys": ('{"keys": []}', 200),
    "a key that all can read": (json.dumps({"keys": [{"kty": "oct", "k": "AAAA"}]}), 200),
    "a key twice": (
        json.dumps({"keys": [jwk(THEIRS_ED, kid="ed"), jwk(THEIRS_ED, kid="ed")]}),
        200,
    ),
    "the set twice": (
        f'{{"keys": {json.dumps([jwk(THEIRS_ED)])}, "keys": {json.dumps([jwk(THEIRS_ED)])}}}',
        200,
    ),
    "an error with keys in it": (json.dumps({"keys": [jwk(THEIRS_ED)]}), 500),
    "a redirect": ("", 302),
    "too much": (json.dumps({"keys": [jwk(THEIRS_ED)], "filler": "x" * 300_000}), 200),
    "a slow drip": (None, 200),
}


@pytest.mark.parametrize("name", POISON)
async def test_an_endpoint_gone_bad_is_an_outage(tmp_path: Path, name: str) -> None:
    body, status = POISON[name]
    async with (
        key_server(jwk(THEIRS_ED, kid="ed")) as evil,
        key_server(jwk(ED, kid="ed")) as ours,
        serving(tmp_path, **remote(ours)) as bus,
    ):
        if body is None:
            ours.drips()
        else:
            ours.says(body, status, {"Location": evil.url})
        ours.asked.clear()
        assert await answer(bus, by(THEIRS_ED, "new")) == 503
        await asyncio.wait_for(ours.asked.wait(), LIMIT)
        # Fetched again after the bad answer: by then that one has been judged.
        ours.asked.clear()
        if body is not None:
            await asyncio.wait_for(ours.asked.wait(), LIMIT)
        assert await answer(bus, by(ED, "ed")) == 101
        assert await answer(bus, by(ED)) == 101
        assert await answer(bus, by(THEIRS_ED, "ed")) == 401
        assert await answer(bus, by(THEIRS_ED)) == 401
        assert evil.requests == []


async def test_after_the_stated_time_without_keys_nobody_gets_in(tmp_path: Path) -> None:
    async with key_server(jwk(ED, kid="ed")) as ours:
        times = {"auth_jwks_refresh": 1, "auth_jwks_max_age": 2}
        async with serving(tmp_path, **remote(ours, **times)) as bus:
            ours.says("down", 500)
            red = await until_ready(bus.http, ready=False)
            assert any("JWK Set" in reason for reason in red["reasons"])
            assert await answer(bus, by(ED, "ed")) == 503
            assert await answer(bus, by(ED)) == 503
            ours.answer = None
            await until_ready(bus.http)
            assert await answer(bus, by(ED, "ed")) == 101
            assert bus.events("the JWK Set can't be renewed")
            assert not await metric(bus.http, "arqonbus_connections")
