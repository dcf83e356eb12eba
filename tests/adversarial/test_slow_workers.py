"""A worker that asks for much and reads nothing costs bounded memory, and stays connected."""

from __future__ import annotations

import asyncio
from pathlib import Path
from secrets import token_hex

from support.peer import LIMIT, Frame, Peer, peer
from support.server import serving

GROUP = {"room": "r", "channel": "c", "group": "g"}
BIG = "x" * 60_000
COUNT = 500
# Far less than all tasks together, which are more than sockets hold in their buffers too.
TIGHT = {
    "outbox_max_bytes": 1 << 20,
    "limits_max_frame_bytes": 1 << 16,
    "groups_max_in_flight": COUNT,
    "storage_backend": "memory",
}


async def until_it_takes_no_more(source: Peer) -> int:
    """How many tasks the worker was sent, once that is the same for many answers in a row."""
    sent, same = 0, 0
    async with asyncio.timeout(LIMIT):
        while not sent or same < 100:
            answer: Frame = (await source.call("group.pending", **GROUP, limit=1))["payload"]
            before, sent = sent, answer.get("in_flight", 0)
            same = same + 1 if sent == before else 0
    return sent


async def test_tasks_wait_for_a_worker_that_reads_slowly(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, **TIGHT) as bus,
        peer(bus.url, max_queue=1) as slow,
        peer(bus.url) as source,
    ):
        for _ in range(COUNT):
            ack = await source.publish("r", "c", BIG, id=token_hex())
            assert ack["type"] == "ack"
        join = {**GROUP, "credits": COUNT, "start": "beginning", "visibility_timeout": 3600}
        await slow.send(type="command", id="j", command="group.join", args=join)
        sent = await until_it_takes_no_more(source)
        assert 0 < sent < COUNT
        tasks = [await slow.until("task") for _ in range(COUNT)]
        seqs = [task["seq"] for task in tasks]
        await slow.ok("group.ack", **GROUP, seqs=seqs, epoch=tasks[0]["epoch"])
        found = await source.ok("group.pending", **GROUP)
    assert sorted(seqs) == list(range(1, COUNT + 1))
    assert {task["attempt"] for task in tasks} == {1}
    assert (found["floor"], found["acked"], found["balanced"]) == (COUNT, COUNT, True)
