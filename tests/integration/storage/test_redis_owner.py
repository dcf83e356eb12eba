"""One bus owns a store: a second one is refused, and one that lost it can't write."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from pathlib import Path

import pytest
from conformance.storage import ADDRESS, EPOCH, append, commit, put, read
from structlog.testing import capture_logs
from support.proxy import UP, proxying
from support.redis_store import fresh_prefix, store
from support.server import environment
from support.valkey import Valkey
from support.waiting import until

from arqonbus.errors import StorageError
from arqonbus.storage.interface import UnusableStoreError

TESTS = Path(__file__).parents[2]
HOLDER = """
import asyncio, sys
from conformance.storage import put
from support.redis_store import store

async def main():
    storage = store(sys.argv[1], prefix=sys.argv[2])
    await storage.open()
    await put(storage, b"a", b"b")
    print("holding", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture
def prefix() -> str:
    return fresh_prefix()


def owner_key(prefix: str) -> str:
    return f"{{{prefix}}}:owner"


async def holding(server: Valkey, prefix: str) -> asyncio.subprocess.Process:
    """Another process that has the store and messages in it."""
    env = environment({})
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        HOLDER,
        server.url,
        prefix,
        env=env | {"PYTHONPATH": f"{env['PYTHONPATH']}:{TESTS}"},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert await asyncio.wait_for(process.stdout.readline(), 30) == b"holding\n"
    return process


async def test_a_second_live_bus_is_refused(valkey: Valkey, prefix: str) -> None:
    first = store(valkey, prefix=prefix)
    await first.open()
    second = store(valkey, prefix=prefix)
    with pytest.raises(StorageError, match=r"another bus has this store: process \d+ on"):
        await second.open()
    await second.close()
    await put(first, b"still mine")
    await first.close()
    third = store(valkey, prefix=prefix)
    assert len(await third.open()) == 1
    await third.close()


async def test_a_bus_killed_is_replaced_at_once(valkey: Valkey, prefix: str) -> None:
    process = await holding(valkey, prefix)
    second = store(valkey, prefix=prefix)
    with pytest.raises(StorageError, match=f"another bus has this store: process {process.pid}"):
        await second.open()
    await second.close()
    process.kill()
    await process.wait()
    again = store(valkey, prefix=prefix)
    with capture_logs() as logs:
        (info,) = await again.open()
    assert [line["event"] for line in logs] == ["taking the store over from a bus that died"]
    assert (info.epoch, info.last_seq) == (EPOCH, 2)
    assert await put(again, b"c") == 3
    await again.close()


async def test_a_stopped_bus_is_not_dead(valkey: Valkey, prefix: str) -> None:
    process = await holding(valkey, prefix)
    process.send_signal(signal.SIGSTOP)
    second = store(valkey, prefix=prefix)
    with pytest.raises(StorageError, match="another bus has this store"):
        await second.open()
    await second.close()
    process.kill()
    await process.wait()


def elsewhere(server: Valkey, prefix: str, seconds: float) -> None:
    """Make the holder one on a machine that can't be looked at."""
    until = int((time.time() + seconds) * 1000)
    holder = "elsewhere boot namespace 1 1"
    server.do(
        "HSET", owner_key(prefix), "token", "theirs", "holder", holder, "until", until, "turn", 7
    )


async def test_the_lease_of_a_bus_elsewhere_is_waited_for(valkey: Valkey, prefix: str) -> None:
    elsewhere(valkey, prefix, 0.7)
    storage = store(valkey, prefix=prefix)
    with capture_logs() as logs:
        await storage.open()
    assert "waiting for another bus" in str(logs[0]["event"])
    assert logs[0]["holder"] == "process 1 on elsewhere"
    await put(storage, b"a")
    await storage.close()


async def test_a_bus_elsewhere_that_renews_its_lease_lives(valkey: Valkey, prefix: str) -> None:
    elsewhere(valkey, prefix, 30)
    storage = store(valkey, prefix=prefix)
    opening = asyncio.create_task(storage.open())
    while not opening.done():
        elsewhere(valkey, prefix, 30)
        await asyncio.wait([opening], timeout=0.05)
    with pytest.raises(StorageError, match="another bus has this store: process 1 on elsewhere"):
        await opening
    await storage.close()


async def test_who_lost_the_store_cannot_write(valkey: Valkey, prefix: str) -> None:
    storage = store(valkey, prefix=prefix)
    await storage.open()
    await put(storage, b"a")
    elsewhere(valkey, prefix, 30)
    for writing in (
        put(storage, b"b"),
        storage.create(ADDRESS, "x"),
        storage.restart(ADDRESS, "x"),
        storage.delete(ADDRESS),
        storage.drop(ADDRESS, 1),
    ):
        with pytest.raises(StorageError, match="another bus took over this store"):
            await writing
    with pytest.raises(UnusableStoreError):
        await storage.probe(lambda _: None)
    assert "another bus took over" in (storage.problem() or "")
    # For good, even when the other one is gone: it may have written meanwhile.
    valkey.do("DEL", owner_key(prefix))
    with pytest.raises(StorageError, match="another bus took over this store"):
        await put(storage, b"b")
    await storage.close()
    again = store(valkey, prefix=prefix)
    (info,) = await again.open()
    assert (info.epoch, info.last_seq) == (EPOCH, 1)
    await again.close()


async def test_a_mark_that_merely_vanished_is_made_again(valkey: Valkey, prefix: str) -> None:
    storage = store(valkey, prefix=prefix)
    await storage.open()
    valkey.do("DEL", owner_key(prefix))
    await put(storage, b"a")
    assert valkey.do("HGET", owner_key(prefix), "token") == storage._owner._token.encode()
    valkey.do("DEL", owner_key(prefix))
    await storage.probe(lambda infos: pytest.fail(str(infos)))
    second = store(valkey, prefix=prefix)
    with pytest.raises(StorageError, match="another bus has this store"):
        await second.open()
    await second.close()
    await storage.close()


async def test_what_another_bus_wrote_is_not_taken_back(valkey: Valkey, prefix: str) -> None:
    """The mark of a bus that came and went in between is gone too: the streams still tell."""
    storage = store(valkey, prefix=prefix)
    await storage.open()
    await put(storage, b"a")
    valkey.do("DEL", owner_key(prefix))
    between = store(valkey, prefix=prefix)
    await between.open()
    await put(between, b"theirs")
    await between.close()
    valkey.do("DEL", owner_key(prefix))
    with pytest.raises(StorageError, match="does not end at 1"):
        await commit(storage, [append([b"b"], after=1)])
    assert [m.body for m in (await read(storage)).messages] == [b"a", b"theirs"]
    await storage.close()


async def test_a_commit_that_arrives_late_changes_nothing(valkey: Valkey, prefix: str) -> None:
    async with proxying(valkey.port) as proxy:
        storage = store(proxy.url, prefix=prefix, timeout=0.5)
        await storage.open()
        await put(storage, b"a")
        proxy.stall([UP])
        with pytest.raises(StorageError, match=r"did not answer within 0\.5 s"):
            await commit(storage, [append([b"late"], after=1)])
        # Over a new connection, while the old one still carries the first.
        await commit(storage, [append([b"b"], after=1)])
        refused = stale(valkey)
        proxy.resume()
        await until(lambda: stale(valkey) > refused)
        assert await put(storage, b"c") == 3
        assert [m.body for m in (await read(storage)).messages] == [b"a", b"b", b"c"]
        await storage.close()


def stale(server: Valkey) -> int:
    """How many scripts the server refused because they came late."""
    return int(server.do("INFO", "errorstats").get("errorstat_STALE", {}).get("count", 0))


async def test_a_script_runs_once_a_turn(valkey: Valkey, prefix: str) -> None:
    storage = store(valkey, prefix=prefix)
    await storage.open()
    await put(storage, b"a")
    storage._owner._turn -= 1
    with pytest.raises(StorageError, match="overtook"):
        await put(storage, b"b")
    assert await put(storage, b"c") == 2
    await storage.close()


async def test_leaving_a_store_that_cannot_be_reached(valkey: Valkey, prefix: str) -> None:
    async with proxying(valkey.port) as proxy:
        storage = store(proxy.url, prefix=prefix, timeout=0.3)
        await storage.open()
        proxy.stall()
        proxy.target = 1
        with capture_logs() as logs:
            await storage.close()
        assert "its lease ends" in str(logs[-1]["event"])
