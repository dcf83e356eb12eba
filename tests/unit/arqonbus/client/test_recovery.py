"""Whether, when and how often the client connects again."""

from __future__ import annotations

import asyncio
import json

import pytest
from support.script import refusal, stage

from arqonbus.client import (
    Backoff,
    Client,
    ClientError,
    ConnectFailedError,
    ConnectionLostError,
    HandshakeRefusedError,
    ProtocolViolationError,
    TokenExpiredError,
    TokenProviderError,
    TokenRevokedError,
)
from arqonbus.client.connection import Closure
from arqonbus.client.recovery import Recovery

FAST = Backoff(first=0.001, limit=0.01)
NONE = "none.at.all"


def recovery(
    *, reconnect: bool = True, renewable: bool = False, token_timeout: float = 30
) -> Recovery:
    return Recovery(
        FAST,
        lambda: 1.0,
        reconnect=reconnect,
        renewable=renewable,
        token_timeout=token_timeout,
    )


@pytest.mark.parametrize(
    ("code", "plain", "renewable"),
    [
        (1000, False, False),
        (1006, True, True),
        (1008, False, False),
        (4000, True, True),
        (4003, True, True),
        (4100, False, True),
        (4101, False, False),
        (4102, False, False),
    ],
)
def test_which_close_codes_it_comes_back_from(code: int, plain: bool, renewable: bool) -> None:
    closure = Closure(code, "")
    assert recovery().after(closure) is plain
    assert recovery(renewable=True).after(closure) is renewable
    assert not recovery(reconnect=False, renewable=True).after(closure)
    broken = Closure(code, "", ProtocolViolationError("x"))
    assert not recovery(renewable=True).after(broken)


@pytest.mark.parametrize(
    ("error", "plain", "renewable"),
    [
        (ConnectFailedError("x"), True, True),
        (ConnectionLostError(4003, ""), True, True),
        (TokenRevokedError(4101, ""), False, False),
        (TokenExpiredError(4100, ""), False, True),
        (TokenProviderError("x"), False, True),
        (HandshakeRefusedError(401, ""), False, True),
        (HandshakeRefusedError(403, ""), False, False),
        (HandshakeRefusedError(429, ""), True, True),
        (HandshakeRefusedError(503, ""), True, True),
        (ProtocolViolationError("x"), False, False),
    ],
)
async def test_which_failed_attempts_are_followed_by_others(
    error: ClientError, plain: bool, renewable: bool
) -> None:
    assert recovery().passes(error) is plain
    assert recovery(renewable=True).passes(error) is renewable


async def test_without_a_good_token_there_is_an_end() -> None:
    refused = HandshakeRefusedError(401, "")
    judging = recovery(renewable=True, token_timeout=0)
    assert not judging.passes(refused)
    assert judging.passes(ConnectFailedError("that was another matter"))


@pytest.mark.parametrize(
    ("asked", "waited"), [(None, 0.001), (0.0, 0.001), (7.0, 7.0), (1e9, 60.0)]
)
def test_it_waits_as_long_as_the_server_asks_within_reason(
    asked: float | None, waited: float
) -> None:
    error = HandshakeRefusedError(429, "", retry_after=asked)
    assert recovery().wait(0, error) == waited
    assert recovery().wait(0, ConnectFailedError("x")) == 0.001


async def test_the_first_connection_waits_out_what_passes() -> None:
    async with stage() as played:
        played.refusals += [refusal(503, Retry_After="0"), refusal(429, Retry_After="0")]
        async with Client(played.url, backoff=FAST):
            pass
        assert len(played.tokens) == 3


async def test_it_does_not_wait_longer_than_for_a_connection() -> None:
    body = json.dumps({"error": "full", "error_code": "RATE_LIMITED"})
    async with stage() as played:
        played.refusals.append(refusal(503, body, Retry_After="11"))
        with pytest.raises(HandshakeRefusedError) as error:
            async with Client(played.url, connect_timeout=10):
                pass
    assert (error.value.status, error.value.code) == (503, "RATE_LIMITED")
    assert (error.value.retry_after, error.value.retryable) == (11.0, True)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 426])
async def test_what_does_not_pass_is_raised_at_once(status: int) -> None:
    async with stage() as played:
        played.refusals.append(refusal(status, "[]", Retry_After="soon"))
        with pytest.raises(HandshakeRefusedError) as error:
            async with Client(played.url, token=lambda: "a.b.c"):
                pass
        assert len(played.tokens) == 1
    assert (error.value.code, error.value.retry_after) == ("", None)


async def test_an_answer_that_repeats_the_token_does_not_show_it() -> None:
    async with stage() as played:
        played.refusals.append(refusal(400, f"what is Bearer {NONE}?"))
        with pytest.raises(HandshakeRefusedError) as error:
            async with Client(played.url, token=NONE):
                pass
    assert NONE not in str(error.value)
    assert error.value.body == "what is Bearer ********?"


async def test_a_refused_token_is_followed_by_the_next_one() -> None:
    tokens = iter(["one", "two", "three"])
    async with stage() as played, asyncio.TaskGroup() as group:

        async def play() -> None:
            first = await played.scene()
            played.refusals.append(refusal(401))
            await first.close(4100)
            second = await played.scene()
            await second.ack(await second.receive())

        async with Client(played.url, token=lambda: next(tokens), backoff=FAST) as client:
            group.create_task(play())
            await client.publish("r", "c", 1)
        assert played.tokens == ["Bearer one", "Bearer two", "Bearer three"]
