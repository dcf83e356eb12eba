"""The SDK against a real bus that wants tokens: they end, are taken back, and allow less."""

from __future__ import annotations

import asyncio
import io
import itertools
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from support import shielded
from support.server import Server
from support.shielded import EVERYTHING
from support.waiting import until

from arqonbus.cli.online import Bus
from arqonbus.client import (
    AccessLostError,
    Backoff,
    Client,
    ConnectionLostError,
    HandshakeRefusedError,
    Message,
    Receipt,
    RefusedError,
    Subscription,
    TokenExpiredError,
    TokenRevokedError,
)
from arqonbus.client.transfer import export_channel, import_channel

NO_READING = """
[[rule]]
id = "blind"
effect = "deny"
subjects = ["ann"]
actions = ["subscribe", "group"]
"""
FAST = Backoff(first=0.01, limit=0.1)
SOON = 5.0  # seconds, enough to connect with
_given: list[str] = []
_serial = itertools.count(1)


@pytest.fixture(autouse=True)
def no_token_is_ever_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    _given.clear()
    caplog.set_level("DEBUG")
    yield
    assert _given
    for one in _given:
        assert one not in caplog.text
        assert one.rpartition(".")[2] not in caplog.text


def token(subject: str = "ann", tenant: str = "acme", *, lasts: float = 600) -> str:
    _given.append(shielded.token(subject, tenant, lasts=lasts, jti=f"t-{next(_serial)}"))
    return _given[-1]


class Provider:
    """Gives tokens that last so long, the last for all that follow; counts them."""

    def __init__(self, *lasts: float) -> None:
        self.count = 0
        self._lasts = lasts

    async def __call__(self) -> str:
        await asyncio.sleep(0)
        self.count += 1
        return token(lasts=self._lasts[min(self.count, len(self._lasts)) - 1])


def bus(
    folder: Path, policy: str = EVERYTHING, **settings: object
) -> AbstractAsyncContextManager[Server]:
    return shielded.shielded(folder, policy, **{"auth_leeway": 0, **settings})


async def busy(client: Client, enough: Callable[[], bool]) -> None:
    """Publish and receive at speed until something is so: all of it comes, once and in order."""
    subscription = await client.subscribe("r", "c")
    receipts: list[Receipt] = []
    messages: list[Message] = []

    async def write() -> None:
        while not enough():
            begin = len(receipts)
            receipts.extend(
                await asyncio.gather(*(client.publish("r", "c", begin + n) for n in range(50)))
            )
        await client.publish("r", "c", None)

    async def receive() -> None:
        async for item in subscription:
            assert isinstance(item, Message)
            if item.payload is None:
                return
            messages.append(item)

    await asyncio.gather(write(), receive())
    assert receipts
    assert [message.payload for message in messages] == list(range(len(receipts)))
    assert [message.seq for message in messages] == [receipt.seq for receipt in receipts]
    page = await client.history("r", "c", limit=1)
    assert page.last_seq == len(receipts) + 1


async def test_it_refreshes_amid_traffic_and_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    # All end within auth.expiry_notice, so that each is to be refreshed at once.
    provider = Provider(30, 31, 32, 600)
    async with bus(tmp_path) as server, Client(server.url, token=provider) as client:
        known_as = client.client_id
        await busy(client, lambda: provider.count >= 4)
        assert client.client_id == known_as
    assert provider.count == 4


async def test_it_comes_back_with_another_token_when_one_ended(tmp_path: Path) -> None:
    provider = Provider(SOON, 600)
    async with (
        bus(tmp_path, auth_expiry_notice=0) as server,
        Client(server.url, token=provider, backoff=FAST) as client,
    ):
        known_as = client.client_id
        await busy(client, lambda: client.client_id != known_as)
    assert provider.count == 2


async def test_a_plain_token_ends_with_a_typed_error(tmp_path: Path) -> None:
    async with (
        bus(tmp_path) as server,
        Client(server.url, token=token(lasts=SOON)) as client,
    ):
        subscription = await client.subscribe("r", "c")
        with pytest.raises(TokenExpiredError):
            await anext(subscription)
        with pytest.raises(TokenExpiredError):
            await client.publish("r", "c", 1)


async def test_a_provider_that_gives_bad_tokens_ends_after_a_time(tmp_path: Path) -> None:
    lasts = iter([SOON])

    def provider() -> str:
        return token(lasts=next(lasts, -60))

    async with (
        bus(tmp_path) as server,
        Client(server.url, token=provider, backoff=FAST, token_timeout=0.3) as client,
    ):
        subscription = await client.subscribe("r", "c")
        with pytest.raises(HandshakeRefusedError) as error:
            await anext(subscription)
    assert (error.value.status, error.value.code) == (401, "UNAUTHENTICATED")


async def test_a_revoked_token_is_the_end_whatever_the_provider_has(tmp_path: Path) -> None:
    provider = Provider(600)
    async with (
        bus(tmp_path) as server,
        Client(server.url, token=provider, backoff=FAST) as client,
        Client(server.url, token=token("admin")) as admin,
    ):
        subscription = await client.subscribe("r", "c")
        assert (await admin.command("admin.revoke", subject="ann"))["closed"] == 1
        with pytest.raises(TokenRevokedError):
            await anext(subscription)
    assert provider.count == 1


async def change(admin: Client, folder: Path, policy: str) -> None:
    (folder / "policy.toml").write_text(policy)
    await admin.command("admin.reload")


async def test_access_that_is_lost_is_told_and_can_be_had_again(tmp_path: Path) -> None:
    async with (
        bus(tmp_path) as server,
        Client(server.url, token=token()) as client,
        Client(server.url, token=token("admin", "operators")) as admin,
    ):
        subscription = await client.subscribe("r", "c")
        work = await client.work("r", "c", "g")
        await change(admin, tmp_path, EVERYTHING + NO_READING)
        with pytest.raises(AccessLostError) as lost:
            await anext(subscription)
        assert (lost.value.room, lost.value.channel, lost.value.group) == ("r", "c", None)
        with pytest.raises(AccessLostError) as out:
            await anext(work)
        assert out.value.group == "g"
        await subscription.close()
        await work.close()
        for asking in (client.subscribe("r", "c"), client.work("r", "c", "g")):
            with pytest.raises(RefusedError, match="FORBIDDEN"):
                await asking
        await change(admin, tmp_path, EVERYTHING)
        async with await client.subscribe("r", "c") as again:
            await client.publish("r", "c", "hello")
            item = await anext(again)
            assert isinstance(item, Message)


def free_port() -> int:
    """Kept over a restart, which port 0 can't be."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_access_that_was_lost_meanwhile_is_told_too(tmp_path: Path) -> None:
    port = free_port()
    async with bus(tmp_path, port=port) as server:
        client = Client(server.url, token=Provider(600), backoff=FAST)
        await client.__aenter__()
        subscription = await client.subscribe("r", "c")
        work = await client.work("r", "c", "g")
        await server.stop(signal.SIGKILL)
    async with bus(tmp_path, EVERYTHING + NO_READING, port=port):
        with pytest.raises(AccessLostError):
            await anext(subscription)
        with pytest.raises(AccessLostError):
            await anext(work)
        await client.publish("r", "c", "still here")
        await client.close()


async def test_it_rides_over_kill_9_with_a_token_for_each_connection(tmp_path: Path) -> None:
    port, provider = free_port(), Provider(600)
    async with bus(tmp_path, port=port) as server:
        client = Client(server.url, token=provider, backoff=FAST)
        await client.__aenter__()
        subscription = await client.subscribe("r", "c")
        receipts = [await client.publish("r", "c", n) for n in range(20)]
        await server.stop(signal.SIGKILL)
    waiting = [asyncio.create_task(client.publish("r", "c", n)) for n in range(20, 40)]
    async with bus(tmp_path, port=port):
        receipts += await asyncio.gather(*waiting)
        items = [await anext(subscription) for _ in range(40)]
        await client.close()
    assert [receipt.seq for receipt in receipts] == list(range(1, 41))
    assert [item.payload for item in items if isinstance(item, Message)] == list(range(40))
    assert provider.count >= 2
    assert len(set(_given)) == len(_given)


async def read(subscription: Subscription, count: int) -> list[Any]:
    items = [await anext(subscription) for _ in range(count)]
    return [item.payload for item in items if isinstance(item, Message)]


async def test_one_after_another_all_get_through_a_rate(tmp_path: Path) -> None:
    async with (
        bus(tmp_path, rates_connection_messages=50, rates_burst=0.2) as server,
        Client(server.url, token=token()) as client,
    ):
        subscription = await client.subscribe("r", "c")
        receipts = [await client.publish("r", "c", n) for n in range(30)]
        assert [receipt.seq for receipt in receipts] == list(range(1, 31))
        assert max(receipt.sends for receipt in receipts) > 1
        assert await read(subscription, 30) == list(range(30))


async def test_an_archive_gets_through_a_rate_message_by_message(tmp_path: Path) -> None:
    archive = io.BytesIO()
    async with (
        bus(tmp_path, rates_connection_messages=200, rates_burst=0.2) as server,
        Client(server.url, token=token()) as client,
    ):
        # Over a connection of its own: commands are not sent again, so what this one used up must
        # not be missing for those of the export.
        async with Client(server.url, token=token()) as publisher:
            for n in range(100):
                await publisher.publish("r", "c", n)
        await export_channel(client, "r", "c", archive, lambda _done, _of: None)
        archive.seek(0)
        async with Client(server.url, token=token()) as other:
            count = await import_channel(
                other, "r", "copy", archive, lambda _done, _of: None, window=1
            )
        assert count == 100
        copied = [m.payload async for m in client.replay("r", "copy") if isinstance(m, Message)]
    assert copied == list(range(100))


@pytest.mark.parametrize("most", [1000, 20])
async def test_of_a_flood_what_is_taken_is_in_order_and_the_rest_is_told(
    tmp_path: Path, most: int
) -> None:
    rates: dict[str, Any] = {"rates_connection_messages": 50, "rates_burst": 0.2}
    async with (
        bus(tmp_path, **rates, rates_refusals_before_close=most) as server,
        Client(server.url, token=token(), backoff=FAST) as client,
        Client(server.url, token=token("bob")) as reader,
    ):
        outcomes = await asyncio.gather(
            *(client.publish("r", "c", n) for n in range(120)), return_exceptions=True
        )
        taken = [n for n, one in enumerate(outcomes) if isinstance(one, Receipt)]
        refused = [one for one in outcomes if isinstance(one, RefusedError)]
        assert len(taken) + len(refused) == 120
        assert all(one.retry_after is not None for one in refused)
        stored = [m.payload async for m in reader.replay("r", "c") if isinstance(m, Message)]
    assert stored == taken
    assert len(taken) > 20


async def test_a_refused_handshake_says_why_and_until_when(tmp_path: Path) -> None:
    async with (
        bus(tmp_path, limits_connections_per_principal=1) as server,
        Client(server.url, token=token()),
    ):
        with pytest.raises(HandshakeRefusedError) as error:
            async with Client(server.url, token=token(), connect_timeout=1):
                pass
        assert (error.value.status, error.value.code) == (429, "RATE_LIMITED")
        assert error.value.retry_after is not None
        assert error.value.retry_after > 1


async def test_a_place_that_gets_free_is_waited_for(tmp_path: Path) -> None:
    async with bus(tmp_path, limits_connections_per_principal=1) as server:
        first = Client(server.url, token=token())
        await first.__aenter__()

        async def again() -> str:
            async with Client(server.url, token=token(), connect_timeout=30) as second:
                return second.client_id

        second = asyncio.create_task(again())
        await until(lambda: bool(server.events("security event")))
        assert not second.done()
        await first.close()
        assert await second != first.client_id


async def test_no_token_is_in_an_error_or_a_repr(tmp_path: Path) -> None:
    async with bus(tmp_path) as server:
        for spoilt in (token(lasts=-60), token()[:-6] + "AAAAAA"):
            _given.append(spoilt)
            client = Client(f"{server.url}/?access_token={spoilt}", token=spoilt)
            with pytest.raises(HandshakeRefusedError) as error:
                await client.__aenter__()
            assert spoilt not in str(error.value)
            assert spoilt not in repr(client)
        held = token()
        away = Client(f"ws://127.0.0.1:{free_port()}/?access_token={held}", token=held)
        with pytest.raises(Exception, match="127") as failed:
            await away.__aenter__()
        assert held not in str(failed.value)


async def test_a_token_file_is_read_anew_for_each_connection(tmp_path: Path) -> None:
    file = tmp_path / "ann.token"
    async with bus(tmp_path, auth_expiry_notice=0) as server:
        file.write_text(token(lasts=SOON) + "\n")
        async with Bus(server.url, file, None, None, None).client() as client:
            file.write_text(token() + "\n")
            known_as = client.client_id
            with pytest.raises(ConnectionLostError):
                while True:
                    await client.command("ping")
            await client.publish("r", "c", 1)
            assert client.client_id != known_as
