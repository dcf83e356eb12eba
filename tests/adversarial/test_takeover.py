"""A bus that was frozen for longer than its lease, while another one took its store over."""

from __future__ import annotations

import signal
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from support.pages import page, until_ready
from support.peer import peer
from support.redis_store import fresh_prefix
from support.server import Server, serving
from support.valkey import Valkey
from support.witness import CHANNEL, KEEP_ALL, Witness, everything

REFUSAL = "another bus has this store"


async def serving_at_last(stack: AsyncExitStack, folder: Path, **settings: object) -> Server:
    """A second bus, as soon as the lease of the first one is over."""
    refused = 0
    while True:
        try:
            bus = await stack.enter_async_context(serving(folder, **settings))
        except AssertionError as error:
            assert REFUSAL in str(error)  # noqa: PT017 - it is refused before it may begin
            refused += 1
        else:
            assert refused
            return bus


@pytest.mark.parametrize("mode", ["strict", "degraded"])
async def test_a_bus_frozen_past_its_lease_writes_no_more(
    tmp_path: Path, valkey: Valkey, mode: str
) -> None:
    redis = {"redis_url": valkey.url, "redis_prefix": fresh_prefix(), "redis_timeout": 0.5}
    settings = {**KEEP_ALL, "storage_backend": "redis", "storage_mode": mode, **redis}
    witness = Witness()
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(serving(tmp_path / "first", **settings))
        async with witness.at(first):
            await witness.more(100, "disk")
            first.process.send_signal(signal.SIGSTOP)
            second = await serving_at_last(stack, tmp_path / "second", **settings)
            async with peer(second.url) as p:
                acks = [await p.publish("r", "c", n, id=f"second-1-{n}") for n in range(1, 50)]
                first.process.send_signal(signal.SIGCONT)
                await witness.more(50, "STORAGE_UNAVAILABLE")
                red = await until_ready(first.http, ready=False)
                acks.append(await p.publish("r", "c", 50, id="second-1-50"))
        assert "another bus took over this store" in red["reasons"][0]
        assert first.events("another bus took over this store")
        epoch, ids = await everything(second.url)
        for ack in acks:
            assert (ack["epoch"], ids[ack["seq"] - 1]) == (epoch, ack["request_id"])
        async with witness.at(second):
            await witness.more(100, "disk")
            await witness.settle(second)
        await witness.verify(second.url, strict=mode == "strict")
        assert (await page(first.http, "/ready"))[0] == 503
        await first.stop()
        async with peer(second.url) as p:
            assert (await p.publish("r", "c", 1, id="after"))["type"] == "ack"
            assert (await p.ok("channel_info", **CHANNEL))["epoch"] == epoch
