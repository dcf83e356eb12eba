"""A disk without room: nothing is acknowledged or delivered that is not stored, and it heals."""

from __future__ import annotations

import random
import signal
from pathlib import Path

from support.disk import full_for
from support.pages import metric, page, until_ready
from support.peer import Peer, peer
from support.server import serving
from support.witness import KEEP_ALL, Witness

BIG = "x" * 60_000


async def kept(p: Peer) -> list[tuple[int, str]]:
    """Position and payload of all that the channel holds, page by page."""
    found: list[tuple[int, str]] = []
    while True:
        page = await p.ok("history", room="r", channel="c", after=found[-1][0] if found else 0)
        found += [(m["seq"], m["payload"]) for m in page["messages"]]
        if page["next_after"] is None:
            return found


async def test_a_full_disk_refuses_turns_ready_red_and_heals(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with serving(data) as bus, peer(bus.url) as p, peer(bus.url) as reader:
        await reader.ok("join_channel", room="r", channel="c")
        acks = [await p.publish("r", "c", BIG) for _ in range(3)]
        with full_for(bus.process.pid, data):
            while (answer := await p.publish("r", "c", BIG))["type"] == "ack":
                acks.append(answer)
            refused = [answer, await p.publish("r", "c", BIG)]
            red = await until_ready(bus.http, ready=False)
            _, health = await page(bus.http, "/health")
            available = await metric(bus.http, "arqonbus_storage_available")
            history = await kept(p)
        await until_ready(bus.http)
        acks.append(await p.publish("r", "c", "small"))
        news = [await reader.until("notice"), await reader.until("notice")]
        books = (await p.ok("status"))["ledger"]
        await bus.stop()
    assert {answer["error_code"] for answer in refused} == {"STORAGE_UNAVAILABLE"}
    assert "storage: the store refused" in red["reasons"][0]
    assert (health["storage"]["available"], health["storage"]["degraded"]) == (False, False)
    assert available == 0
    assert [seq for seq, _ in history] == list(range(1, len(acks)))
    assert [one["payload"]["available"] for one in news] == [False, True]
    assert [ack["seq"] for ack in acks] == list(range(1, len(acks) + 1))
    assert {ack["durability"] for ack in acks} == {"disk"}
    assert (books["balanced"], books["refused"]) == (True, 2)
    async with serving(data) as again, peer(again.url) as p:
        held = await kept(p)
    assert [seq for seq, _ in held] == list(range(1, len(acks) + 1))
    assert held[-1][1] == "small"


async def test_a_disk_that_is_full_now_and_then_under_load_in_mode_degraded(tmp_path: Path) -> None:
    witness = Witness()
    data = tmp_path / "data"
    async with serving(data, storage_mode="degraded", **KEEP_ALL) as bus:
        async with witness.at(bus):
            for _ in range(3):
                await witness.more(random.randint(1, 100), "disk")
                with full_for(bus.process.pid, data):
                    await witness.more(random.randint(1, 100), "memory")
                await witness.more(1, "disk")
            await witness.settle(bus)
        await witness.verify(bus.url, strict=False)
    assert witness.unknown == 0


async def test_a_bus_killed_while_the_disk_is_full_loses_nothing_that_was_on_it(
    tmp_path: Path,
) -> None:
    witness = Witness()
    data = tmp_path / "data"
    for _ in range(2):
        async with serving(data, storage_mode="degraded", **KEEP_ALL) as bus, witness.at(bus):
            await witness.more(random.randint(1, 100), "disk")
            with full_for(bus.process.pid, data):
                await witness.more(random.randint(1, 100), "memory")
                await bus.stop(signal.SIGKILL)
    async with serving(data, storage_mode="degraded", **KEEP_ALL) as bus:
        async with witness.at(bus):
            await witness.more(1, "disk")
            await witness.settle(bus)
        await witness.verify(bus.url, strict=False)
    assert witness.unknown == 2 * len(witness.subscribers)
