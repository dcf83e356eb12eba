"""A Valkey server that dies, freezes or can't be reached, under load, in both modes."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.peer import peer
from support.proxy import DOWN, UP, proxying
from support.server import serving
from support.valkey import Valkey
from support.valkey import valkey as running
from support.waiting import LIMIT
from support.witness import KEEP_ALL, Witness

# What publishers are told while the store is away.
AWAY = {"strict": "STORAGE_UNAVAILABLE", "degraded": "memory"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Valkey]:
    """One of its own, that a test may torment."""
    with running(tmp_path / "valkey", appendonly="yes", appendfsync="always") as started:
        yield started


@pytest.fixture(params=["strict", "degraded"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def settings(url: str, mode: str, timeout: float = 5) -> dict[str, object]:
    redis = {"storage_backend": "redis", "redis_url": url, "redis_timeout": timeout}
    return {**KEEP_ALL, **redis, "storage_mode": mode}


async def test_a_server_killed_at_random_moments(tmp_path: Path, server: Valkey, mode: str) -> None:
    witness = Witness()
    async with serving(tmp_path, **settings(server.url, mode)) as bus:
        async with witness.at(bus):
            for _ in range(4):
                await witness.more(random.randint(1, 300), "disk")
                server.kill()
                await witness.more(random.randint(1, 100), AWAY[mode])
                await asyncio.to_thread(server.start)
                await witness.more(1, "disk")
            await witness.settle(bus)
        await witness.verify(bus.url, strict=mode == "strict")
    assert witness.unknown == 0


async def test_a_server_frozen_for_longer_than_the_time_out(
    tmp_path: Path, server: Valkey, mode: str
) -> None:
    witness = Witness()
    async with serving(tmp_path, **settings(server.url, mode, timeout=0.3)) as bus:
        async with witness.at(bus):
            for _ in range(4):
                await witness.more(random.randint(1, 300), "disk")
                server.freeze()
                await witness.more(random.randint(1, 100), AWAY[mode])
                server.thaw()
                await witness.more(1, "disk")
            await witness.settle(bus)
        await witness.verify(bus.url, strict=mode == "strict")
    assert witness.unknown == 0


async def test_a_server_frozen_for_less_than_the_time_out_costs_nothing(
    tmp_path: Path, server: Valkey, mode: str
) -> None:
    witness = Witness()
    async with serving(tmp_path, **settings(server.url, mode, timeout=60)) as bus:
        async with witness.at(bus), peer(bus.url) as p:
            for _ in range(4):
                await witness.more(random.randint(1, 300), "disk")
                server.freeze()
                for _ in range(random.randint(1, 100)):
                    await p.ok("ping")
                server.thaw()
            await witness.more(1, "disk")
            await witness.settle(bus)
        await witness.verify(bus.url, strict=True)
    assert set(witness.outcomes) == {"disk"}


async def test_a_connection_cut_at_random_bytes(tmp_path: Path, server: Valkey, mode: str) -> None:
    witness = Witness()
    async with (
        proxying(server.port) as proxy,
        serving(tmp_path, **settings(proxy.url, mode)) as bus,
    ):
        async with witness.at(bus):
            for _ in range(6):
                await witness.more(random.randint(1, 100), "disk")
                direction = random.choice((UP, DOWN))
                proxy.cut(direction, random.randrange(5000 if direction == UP else 100))
                async with asyncio.timeout(LIMIT):
                    await proxy.ended.wait()
                proxy.resume()
            await witness.more(1, "disk")
            await witness.settle(bus)
        await witness.verify(bus.url, strict=mode == "strict")
    assert witness.unknown == 0


async def test_bus_and_server_killed_together(tmp_path: Path, server: Valkey, mode: str) -> None:
    witness = Witness()
    for _ in range(3):
        async with serving(tmp_path, **settings(server.url, mode)) as bus, witness.at(bus):
            await witness.more(random.randint(1, 300), "disk")
            if random.random() < 0.5:
                server.kill()
            await bus.stop(signal.SIGKILL)
            server.kill()
        await asyncio.to_thread(server.start)
    async with serving(tmp_path, **settings(server.url, mode)) as bus:
        async with witness.at(bus):
            await witness.more(100, "disk")
            await witness.settle(bus)
        await witness.verify(bus.url, strict=mode == "strict")


async def test_a_bus_killed_while_only_memory_has_the_newest(
    tmp_path: Path, server: Valkey
) -> None:
    witness = Witness()
    for _ in range(2):
        async with serving(tmp_path, **settings(server.url, "degraded")) as bus, witness.at(bus):
            await witness.more(random.randint(1, 300), "disk")
            server.kill()
            await witness.more(random.randint(1, 100), "memory")
            await bus.stop(signal.SIGKILL)
        await asyncio.to_thread(server.start)
    async with serving(tmp_path, **settings(server.url, "degraded")) as bus:
        async with witness.at(bus):
            await witness.more(100, "disk")
            await witness.settle(bus)
        await witness.verify(bus.url, strict=False)
    assert witness.unknown == 2 * len(witness.subscribers)
