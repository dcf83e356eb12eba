"""The SDK against a real bus."""

from __future__ import annotations

import asyncio
import signal
import socket
from pathlib import Path

import msgspec
import pytest
from support.server import Server, serving

from arqonbus.client import (
    Backoff,
    Client,
    Gap,
    HandshakeRefusedError,
    Lost,
    Message,
    Position,
    RefusedError,
)
from arqonbus.client.codec import CodecName

FAST = Backoff(first=0.01, limit=0.1)


@pytest.fixture(params=["json", "msgpack"])
def name(request: pytest.FixtureRequest) -> CodecName:
    return "json" if request.param == "json" else "msgpack"


async def test_a_round_trip(bus: Server, name: CodecName) -> None:
    async with Client(bus.url, codec=name) as client:
        subscription = await client.subscribe("r", "c")
        receipt = await client.publish("r", "c", {"n": [1, None, "é"]}, metadata={"k": 1})
        item = await anext(subscription)
        page = await client.history("r", "c", after=0)
    assert isinstance(item, Message)
    assert (item.payload, item.metadata) == ({"n": [1, None, "é"]}, {"k": 1})
    assert (item.seq, item.epoch, item.durability) == (receipt.seq, receipt.epoch, "disk")
    assert page.messages[0].stored_at is not None
    stored = msgspec.structs.replace(item, stored_at=page.messages[0].stored_at)
    assert (page.messages, page.complete, page.next_after) == ([stored], "complete", None)
    assert (receipt.durability, receipt.sends, client.durability) == ("disk", 1, "disk")


async def test_direct_messages(bus: Server, name: CodecName) -> None:
    async with Client(bus.url, codec=name) as alice, Client(bus.url) as bob:
        inbox = bob.direct_messages()
        receipt = await alice.send(bob.client_id, "psst")
        got = await anext(inbox)
        with pytest.raises(RefusedError) as error:
            await alice.send("c_nobody", "psst")
    assert (got.payload, got.sender) == ("psst", alice.client_id)
    assert (receipt.durability, receipt.seq) == ("memory", None)
    assert error.value.code == "NOT_FOUND"


async def test_refusals_are_typed(bus: Server) -> None:
    async with Client(bus.url) as client:
        for asking in (
            client.publish("bad name", "c", 1),
            client.publish("r", "c", 1, require="replicated"),
            client.command("no_such"),
            client.subscribe("bad name", "c"),
        ):
            with pytest.raises(RefusedError):
                await asking


async def test_a_consumer_may_publish_while_its_queue_is_full(bus: Server) -> None:
    async with Client(bus.url, queue_size=8) as client, Client(bus.url) as source:
        subscription = await client.subscribe("r", "in")
        await asyncio.gather(*(source.publish("r", "in", n) for n in range(30)))
        for _ in range(30):
            item = await anext(subscription)
            assert isinstance(item, Message)
            await client.publish("r", "out", item.payload)
        assert (await client.command("channel_info", room="r", channel="out"))["seq"] == 30


async def test_closing_a_subscription_leaves_and_it_can_be_resumed(bus: Server) -> None:
    async with Client(bus.url) as client:
        async with await client.subscribe("r", "c") as first:
            await client.publish("r", "c", 1)
            await anext(first)
        for n in (2, 3):
            await client.publish("r", "c", n)
        second = await client.subscribe("r", "c", since=first.position)
        items = [await anext(second) for _ in range(2)]
    assert [item.payload for item in items if isinstance(item, Message)] == [2, 3]


async def test_what_is_not_known_is_told(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, retention_max_messages=1) as bus,
        Client(bus.url) as client,
    ):
        for n in range(3):
            await client.publish("r", "c", n)
        epoch = (await client.command("channel_info", room="r", channel="c"))["epoch"]
        async with await client.subscribe("r", "c", since=Position("gone", 1)) as lost:
            assert isinstance(await anext(lost), Lost)
        oldest = (await client.history("r", "c", after=0)).first_seq
        async with await client.subscribe("r", "c", since=Position(epoch, 0)) as resumed:
            first = await anext(resumed)
    if oldest > 1:
        assert isinstance(first, Gap)
        assert (first.from_seq, first.to_seq) == (1, oldest - 1)
    else:
        assert isinstance(first, Message)


def free_port() -> int:
    """Kept over a restart, which port 0 can't be."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_it_rides_over_kill_9_with_every_receipt_true(tmp_path: Path) -> None:
    port = free_port()
    async with serving(tmp_path, port=port) as bus:
        url = bus.url
        client = Client(url, backoff=FAST, publish_timeout=30)
        await client.__aenter__()
        subscription = await client.subscribe("r", "c")
        receipts = [await client.publish("r", "c", n) for n in range(20)]
        await bus.stop(signal.SIGKILL)
    waiting = [asyncio.create_task(client.publish("r", "c", n)) for n in range(20, 40)]
    async with serving(tmp_path, port=port):
        receipts += await asyncio.gather(*waiting)
        items = [await anext(subscription) for _ in range(40)]
        await client.close()
    assert [receipt.seq for receipt in receipts] == list(range(1, 41))
    assert [item.payload for item in items if isinstance(item, Message)] == list(range(40))


async def test_a_drain_is_ridden_over(tmp_path: Path) -> None:
    port = free_port()
    async with serving(tmp_path, port=port) as bus:
        client = Client(bus.url, backoff=FAST, publish_timeout=30)
        await client.__aenter__()
        publishing = [asyncio.create_task(client.publish("r", "c", n)) for n in range(200)]
        assert await bus.stop() == 0
    async with serving(tmp_path, port=port):
        receipts = await asyncio.gather(*publishing)
        await client.close()
    assert sorted({receipt.seq for receipt in receipts if receipt.seq}) == sorted(
        receipt.seq for receipt in receipts if receipt.seq
    )


async def test_a_refused_handshake_is_final(tmp_path: Path) -> None:
    secret = "q8Vn2Lr5Xw9Zt4Kb7Hd3Jf6Mc1Pg0Sy-Ae"
    async with serving(tmp_path, auth_secret=secret) as bus:
        with pytest.raises(HandshakeRefusedError) as refused:
            async with Client(bus.url, token="not.a.token"):
                pass
    assert refused.value.status == 401
    assert not refused.value.retryable
