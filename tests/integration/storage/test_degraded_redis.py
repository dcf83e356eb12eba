"""Mode degraded around a real server that is killed, emptied and started again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.redis_store import fresh_prefix, store
from support.valkey import Valkey
from support.valkey import valkey as running
from unit.arqonbus.storage.driver import Bus

from arqonbus.model.address import Address
from arqonbus.model.durability import Durability
from arqonbus.storage.retention import Retention

A, B = Address("r", "a"), Address("r", "b")
WIDE = Retention(10_000, 10_000_000)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Valkey]:
    with running(tmp_path, appendonly="yes", appendfsync="always") as server:
        yield server


async def back(bus: Bus) -> None:
    """Probe as the bus does until the server has everything."""
    for _ in range(100):
        await bus.probe()
        if bus.store.durability is Durability.DISK:
            return
    pytest.fail(f"still away: {bus.store.shortfall()}")


@pytest.mark.parametrize("emptied", [False, True], ids=["with its data", "empty"])
async def test_a_server_that_was_killed_gets_what_memory_took(
    server: Valkey, *, emptied: bool
) -> None:
    prefix = fresh_prefix()
    bus = await Bus(primary=store(server, WIDE, prefix=prefix)).open()
    assert await bus.put(A, b"1", b"2") is Durability.DISK
    epoch = bus.ends[A][0]
    server.kill()
    try:
        for n in range(3, 1500):
            assert await bus.put(A, b"%d" % n) is Durability.MEMORY
        await bus.put(B, b"x")
    finally:
        server.start()
    if emptied:
        server.do("FLUSHALL")
    await back(bus)
    assert await bus.put(A, b"1500") is Durability.DISK
    first = 3 if emptied else 1
    assert await bus.history(A) == [b"%d" % n for n in range(first, 1501)]
    assert await bus.history(B) == [b"x"]
    assert (bus.ends[A][0] == epoch) is not emptied
    await bus.store.close()
    again = await Bus(primary=store(server, WIDE, prefix=prefix)).open()
    assert again.ends == bus.ends
    assert await again.history(A) == await again.history(A, limit=100)
    await again.store.close()
    assert bus.not_kept == []
