"""Tokens of a client: where they come from and when another one is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator

import pytest
from support.script import Frame, Scene, stage

from arqonbus.client import (
    Backoff,
    Client,
    InvalidArgumentError,
    TokenExpiredError,
    TokenProviderError,
    TokenRevokedError,
)
from arqonbus.client.tokens import Credentials, Token

FAST = Backoff(first=0.001, limit=0.01)
NOTICE = {"event": "token", "expires": 1000.0, "ends": 1030.0}


def numbered() -> tuple[list[str], Token]:
    """A provider, and what it has given so far."""
    given: list[str] = []

    def give() -> str:
        given.append(f"token-{len(given)}")
        return given[-1]

    return given, give


async def asynchronous() -> str:
    await asyncio.sleep(0)
    return "later.is.fine"


@pytest.mark.parametrize(
    ("token", "renewable"),
    [("plain.is.fine", False), (lambda: "made.is.fine", True), (asynchronous, True)],
)
async def test_every_kind_gives_a_token(token: Token, renewable: bool) -> None:
    credentials = Credentials(token, 1)
    assert (await credentials.token()).endswith(".is.fine")
    assert credentials.renewable is renewable
    assert "fine" not in repr(credentials)


@pytest.mark.parametrize("bad", ["", "two words", "line\r\nX-Evil: 1", "é", "a.b.c\n"])
async def test_what_could_not_be_sent_is_refused_and_not_shown(bad: str) -> None:
    with pytest.raises(InvalidArgumentError) as plain:
        Client("ws://127.0.0.1", token=bad)
    with pytest.raises(TokenProviderError) as provided:
        await Credentials(lambda: bad, 1).token()
    for error in (plain, provided):
        assert not bad or bad not in str(error.value)


async def never() -> str:
    await asyncio.Event().wait()
    raise AssertionError


def broken() -> str:
    raise LookupError("se.cr.et")


@pytest.mark.parametrize("provider", [never, broken, lambda: None, lambda: b"bytes"])
async def test_a_provider_that_fails_is_a_typed_error(provider: Token) -> None:
    with pytest.raises(TokenProviderError) as error:
        await Credentials(provider, 0.01).token()
    assert "se.cr.et" not in str(error.value)


async def test_the_first_connection_raises_what_the_provider_does() -> None:
    async with stage() as played:
        with pytest.raises(TokenProviderError):
            async with Client(played.url, token=broken):
                pass


async def refresh(scene: Scene) -> Frame:
    """The next frame, which must be a refresh."""
    frame = await scene.receive()
    assert frame["command"] == "auth.refresh"
    return frame


async def refreshed(scene: Scene, expires: float) -> Frame:
    frame = await refresh(scene)
    payload = {"subject": "ann", "tenant": "acme", "expires": expires}
    await scene.send("response", request_id=frame["id"], status="success", payload=payload)
    return frame


async def refuse(scene: Scene, frame: Frame, code: str) -> None:
    await scene.send(
        "error",
        request_id=frame["id"],
        status="error",
        error=f"no: {frame['args']}",
        error_code=code,
        payload={"retryable": False},
    )


async def test_a_notice_is_answered_with_another_token() -> None:
    given, provider = numbered()
    async with stage() as played, Client(played.url, token=provider, backoff=FAST):
        scene = await played.scene()
        await scene.send("notice", payload=NOTICE)
        assert (await refreshed(scene, 2000.0))["args"] == {"token": "token-1"}
        await scene.send("notice", payload=NOTICE | {"expires": 2000.0})
        assert (await refreshed(scene, 3000.0))["args"] == {"token": "token-2"}
    assert len(given) == 3


@pytest.mark.parametrize("code", ["UNAUTHENTICATED", "RATE_LIMITED", "FORBIDDEN"])
async def test_a_refused_refresh_is_tried_with_the_next_token(
    code: str, caplog: pytest.LogCaptureFixture
) -> None:
    given, provider = numbered()
    async with stage() as played, Client(played.url, token=provider, backoff=FAST):
        scene = await played.scene()
        await scene.send("notice", payload=NOTICE)
        await refuse(scene, await refresh(scene), code)
        await refreshed(scene, 1000.0)
        assert (await refreshed(scene, 2000.0))["args"] == {"token": "token-3"}
    assert code in caplog.text
    assert "ends too soon" in caplog.text
    assert "token-" not in caplog.text
    assert len(given) == 4


async def test_a_provider_that_fails_now_and_then_is_asked_again() -> None:
    outcomes: Iterator[str | None] = iter(["first", None, None, "last"])

    def provider() -> str | Awaitable[str]:
        outcome = next(outcomes)
        if outcome is None:
            raise OSError("away")
        return outcome

    async with stage() as played, Client(played.url, token=provider, backoff=FAST):
        scene = await played.scene()
        await scene.send("notice", payload=NOTICE)
        assert (await refreshed(scene, 2000.0))["args"] == {"token": "last"}


async def test_a_plain_token_is_not_refreshed_and_ends_with_a_typed_error() -> None:
    async with stage() as played, Client(played.url, token="a.b.c", backoff=FAST) as client:
        scene = await played.scene()
        await scene.send("notice", payload=NOTICE)
        publishing = asyncio.create_task(client.publish("r", "c", 1))
        assert (await scene.receive())["type"] == "message"
        await scene.close(4100)
        with pytest.raises(TokenExpiredError):
            await publishing


async def test_an_expired_connection_is_made_again_with_the_next_token() -> None:
    given, provider = numbered()
    async with stage() as played, asyncio.TaskGroup() as group:

        async def play() -> None:
            first = await played.scene()
            await first.receive()
            await first.close(4100)
            second = await played.scene()
            await second.ack(await second.receive())

        group.create_task(play())
        async with Client(played.url, token=provider, backoff=FAST) as client:
            assert (await client.publish("r", "c", 1)).sends == 2
    assert played.tokens == ["Bearer token-0", "Bearer token-1"]
    assert len(given) == 2


async def test_a_revoked_token_is_the_end() -> None:
    given, provider = numbered()
    async with stage() as played, Client(played.url, token=provider, backoff=FAST) as client:
        scene = await played.scene()
        inbox = client.direct_messages()
        await scene.close(4101)
        with pytest.raises(TokenRevokedError):
            await anext(inbox)
    assert len(given) == 1


async def test_without_any_token_it_gives_up_after_a_time() -> None:
    given: list[str] = []

    def once() -> str:
        if given:
            raise LookupError
        given.append("a.b.c")
        return "a.b.c"

    async with (
        stage() as played,
        Client(played.url, token=once, token_timeout=0.05, backoff=FAST) as client,
    ):
        scene = await played.scene()
        inbox = client.direct_messages()
        await scene.close(4100)
        with pytest.raises(TokenProviderError):
            await anext(inbox)
