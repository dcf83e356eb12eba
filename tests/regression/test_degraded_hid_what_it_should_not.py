"""Mode degraded went on without a store that must not be used; mode strict believed what a
degraded run before it had left behind.
"""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from support.disk import full_for
from support.pages import metric, until_ready
from support.peer import peer
from support.redis_store import fresh_prefix
from support.server import serving
from support.valkey import Valkey

BIG = "x" * 60_000


async def test_a_second_bus_in_mode_degraded_is_refused(tmp_path: Path) -> None:
    async with serving(tmp_path, storage_mode="degraded") as first:
        with pytest.raises(AssertionError, match="another bus has this store open"):
            async with serving(tmp_path, storage_mode="degraded"):
                pass
        async with peer(first.url) as p:
            assert (await p.publish("r", "c", 1))["durability"] == "disk"


async def test_a_damaged_store_is_refused_in_mode_degraded(tmp_path: Path) -> None:
    (tmp_path / "arqonbus.db").write_bytes(b"not a database, but long enough to be read as one")
    with pytest.raises(AssertionError, match="not a readable store"):
        async with serving(tmp_path, storage_mode="degraded"):
            pass


async def test_a_prefix_of_another_program_is_refused_in_mode_degraded(
    tmp_path: Path, valkey: Valkey
) -> None:
    prefix = fresh_prefix()
    valkey.do("SET", f"{{{prefix}}}:owner", "somebody's")
    redis = {"storage_backend": "redis", "redis_url": valkey.url, "redis_prefix": prefix}
    with pytest.raises(AssertionError, match="a value of another type"):
        async with serving(tmp_path, storage_mode="degraded", **redis):
            pass


async def test_strict_after_a_degraded_run_that_was_killed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with serving(data, storage_mode="degraded") as bus, peer(bus.url) as p:
        first = await p.publish("r", "c", BIG)
        with full_for(bus.process.pid, data):
            while (last := await p.publish("r", "c", BIG))["durability"] == "disk":
                pass
            assert await metric(bus.http, "arqonbus_degraded") == 1
            await bus.stop(signal.SIGKILL)
    async with serving(data) as bus, peer(bus.url) as p:
        others = [await p.publish("r", "c", n, id=f"other-{n}") for n in range(last["seq"])]
        since = {"epoch": last["epoch"], "seq": last["seq"]}
        joined = await p.ok("join_channel", room="r", channel="c", since=since)
    assert last["epoch"] == first["epoch"] != others[0]["epoch"]
    assert joined["recovered"] == "unknown"
    async with serving(data) as bus, peer(bus.url) as p:
        assert (await p.publish("r", "c", 1, id="new"))["epoch"] == others[0]["epoch"]


@pytest.mark.parametrize("busy", [False, True])
async def test_a_bus_in_mode_degraded_that_was_replaced_takes_nothing_more(
    tmp_path: Path, valkey: Valkey, busy: bool
) -> None:
    prefix = fresh_prefix()
    redis = {"storage_backend": "redis", "redis_url": valkey.url, "redis_prefix": prefix}
    async with serving(tmp_path, storage_mode="degraded", **redis) as bus, peer(bus.url) as p:
        await p.publish("r", "c", 1)
        valkey.do("HSET", f"{{{prefix}}}:owner", "token", "another")
        if not busy:
            await until_ready(bus.http, ready=False)
        answers = [await p.publish("r", "c", n) for n in range(3)]
        red = await until_ready(bus.http, ready=False)
        books = (await p.ok("status"))["ledger"]
        assert await bus.stop() == 0
    assert not bus.events("messages kept in memory are lost")
    assert busy or bus.events("the store must not be used any more: stop this bus")
    assert {answer["error_code"] for answer in answers} == {"STORAGE_UNAVAILABLE"}
    assert red["reasons"] == ["storage: another bus took over this store: stop this one"]
    assert (books["balanced"], books["stored"], books["refused"]) == (True, 1, 3)
