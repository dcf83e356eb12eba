"""Which keys are believed, for how long, and how seldom the endpoint is asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs
from support.tokens import jwk
from support.waiting import until

from arqonbus.config.shield import AuthSettings
from arqonbus.shield.algorithms import bind
from arqonbus.shield.interface import AuthError, AuthReason
from arqonbus.shield.jwks import KeySetError
from arqonbus.shield.remote import RemoteKeys
from arqonbus.telemetry.metrics import Metrics

LIMIT = 20
PRIVATE = ed25519.Ed25519PrivateKey.generate()


class Source:
    """Answers with keys of these ids, or fails; time is its own."""

    def __init__(self, *ids: str | None) -> None:
        self.ids = ids
        self.error: Exception | None = None
        self.body: bytes | None = None
        self.fetched = 0
        self.now = 1000.0
        self._changed = asyncio.Condition()

    async def fetch(self) -> bytes:
        async with self._changed:
            self.fetched += 1
            self._changed.notify_all()
        if self.error is not None:
            raise self.error
        if self.body is not None:
            return self.body
        keys = [jwk(PRIVATE) if one is None else jwk(PRIVATE, kid=one) for one in self.ids]
        return json.dumps({"keys": keys}).encode()

    async def until(self, fetched: int) -> None:
        async with asyncio.timeout(LIMIT), self._changed:
            await self._changed.wait_for(lambda: self.fetched >= fetched)
        await asyncio.sleep(0)


def remote(
    source: Source, registry: CollectorRegistry | None = None, auth: dict[str, object] | None = None
) -> RemoteKeys:
    settings = AuthSettings.model_validate(
        {"algorithm": "EdDSA,RS256", "jwks_min_interval": 0.1, "jwks_max_age": 3600} | (auth or {})
    )
    metrics = Metrics(registry or CollectorRegistry())
    keys = RemoteKeys(source.fetch, bind(settings.algorithm), settings, metrics)
    keys._now = lambda: source.now  # type: ignore[misc] # the loop's clock can't be moved
    return keys


@asynccontextmanager
async def opened(source: Source, **auth: object) -> AsyncIterator[RemoteKeys]:
    keys = remote(source, auth=auth)
    await keys.open()
    try:
        yield keys
    finally:
        await keys.close()


def ids(keys: RemoteKeys, key_id: str | None = None, algorithm: str = "EdDSA") -> list[str | None]:
    return [key.id for key in keys.candidates(algorithm, key_id)]


def reason(ask: Callable[[], object]) -> AuthReason:
    with pytest.raises(AuthError) as caught:
        ask()
    assert caught.value.retryable
    return caught.value.reason


async def test_a_key_is_named_exactly_and_without_a_name_each_is_tried() -> None:
    async with opened(Source("a", "b")) as keys:
        assert ids(keys, "a") == ["a"]
        assert ids(keys) == ["a", "b"]
        assert ids(keys, "a", "RS256") == []
        assert ids(keys, None, "RS256") == []
        assert reason(lambda: ids(keys, "A")) is AuthReason.UNKNOWN_KEY


async def test_no_more_keys_are_tried_than_a_stranger_may_have_tried() -> None:
    async with opened(Source(*map(str, range(9)))) as keys:
        assert ids(keys) == []
        assert ids(keys, "8") == ["8"]


async def test_another_algorithm_asks_for_nothing() -> None:
    source = Source("a")
    async with opened(source) as keys:
        for algorithm in ("none", "HS256", "ES256", ""):
            assert ids(keys, "new", algorithm) == []
        source.now += 4000
        assert ids(keys, "new", "none") == []
        assert not keys._wanted.is_set()


@pytest.mark.parametrize("body", [b"", b'{"keys": []}', b"<html>", None])
async def test_there_is_no_start_without_a_set(body: bytes | None) -> None:
    source = Source("a")
    source.body = body
    source.error = KeySetError("down") if body is None else None
    keys = remote(source)
    with pytest.raises(KeySetError):
        await keys.open()
    assert keys.problem()
    assert reason(lambda: ids(keys)) is AuthReason.UNAVAILABLE
    await keys.close()


async def test_an_unknown_key_is_fetched_and_then_known() -> None:
    source = Source("old")
    async with opened(source) as keys:
        source.ids = ("old", "new")
        source.now += 1
        assert reason(lambda: ids(keys, "new")) is AuthReason.UNKNOWN_KEY
        await source.until(2)
        assert ids(keys, "new") == ["new"]


async def test_a_key_that_is_gone_from_the_set_is_believed_no_more() -> None:
    source = Source("old")
    async with opened(source) as keys:
        source.ids = ("new",)
        source.now += 1
        assert reason(lambda: ids(keys, "new")) is AuthReason.UNKNOWN_KEY
        await source.until(2)
        assert reason(lambda: ids(keys, "old")) is AuthReason.UNKNOWN_KEY


async def test_however_many_ask_the_endpoint_is_asked_once() -> None:
    source = Source("a")
    # The clock stands still, so the next fetch would be due only in an hour.
    async with opened(source, jwks_min_interval=3600) as keys:
        for number in range(1000):
            assert reason(lambda n=number: ids(keys, f"k{n}")) is AuthReason.UNKNOWN_KEY  # type: ignore[misc] # a bound default
            await asyncio.sleep(0)
        assert source.fetched == 1


@pytest.mark.parametrize(
    "outage",
    [KeySetError("down"), b"", b'{"keys": []}', b'{"keys": [{"kty": "oct", "k": "AA"}]}'],
)
async def test_an_outage_keeps_the_last_good_set_and_then_nobody_gets_in(
    outage: KeySetError | bytes,
) -> None:
    source = Source("a")
    async with opened(source) as keys:
        if isinstance(outage, bytes):
            source.body = outage
        else:
            source.error = outage
        source.now += 1800
        assert reason(lambda: ids(keys, "b")) is AuthReason.UNKNOWN_KEY
        with capture_logs() as logs:
            await source.until(3)
        assert ids(keys, "a") == ["a"]
        assert keys.problem() is None
        assert "the JWK Set can't be renewed" in {line["event"] for line in logs}
        source.now += 1801
        assert reason(lambda: ids(keys, "a")) is AuthReason.UNAVAILABLE
        assert reason(lambda: ids(keys)) is AuthReason.UNAVAILABLE
        problem = keys.problem()
        assert problem is not None
        assert "jwks_max_age" in problem
        source.error = source.body = None
        await until(lambda: keys.problem() is None)
        assert ids(keys, "a") == ["a"]
        assert keys.problem() is None


async def test_the_set_is_renewed_without_being_asked_for() -> None:
    source = Source("a")
    keys = remote(source)
    keys._auth = keys._auth.model_copy(update={"jwks_refresh": 0.01})  # type: ignore[misc] # sooner than a setting may say
    await keys.open()
    source.ids = ("b",)
    source.now += 1
    await source.until(2)
    assert ids(keys, "b") == ["b"]
    await keys.close()


async def test_a_fault_is_logged_and_counted_and_ends_nothing() -> None:
    source, registry = Source("a"), CollectorRegistry()
    keys = remote(source, registry)
    await keys.open()
    source.error = ZeroDivisionError("a fault")
    source.now += 1
    assert reason(lambda: ids(keys, "b")) is AuthReason.UNKNOWN_KEY
    with capture_logs() as logs:
        await source.until(3)
    assert logs[0]["event"] == "renewing the JWK Set failed"
    assert registry.get_sample_value("arqonbus_internal_errors_total", {"where": "jwks"})
    source.error, source.ids = None, ("b",)
    await until(lambda: [key.id for key in keys._keys] == ["b"])
    assert ids(keys, "b") == ["b"]
    await keys.close()


async def test_fetches_are_counted() -> None:
    source, registry = Source("a"), CollectorRegistry()
    keys = remote(source, registry)
    await keys.open()
    await keys.close()
    source.error = KeySetError("down")
    with pytest.raises(KeySetError):
        await keys.open()
    for result in ("good", "failed"):
        name = "arqonbus_key_set_fetches_total"
        assert registry.get_sample_value(name, {"result": result}) == 1
