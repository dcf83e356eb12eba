"""kill -9 of the bus and of workers with tasks and delayed messages on their way."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex

import pytest
from support.peer import Frame, Peer, peer
from support.server import environment, serving
from websockets.exceptions import ConnectionClosed

GROUP = {"room": "r", "channel": "c", "group": "g"}
ROUNDS = int(os.environ.get("KILL_ROUNDS", "10"))
WORKER = """
import asyncio, json, sys
from websockets.asyncio.client import connect

async def main():
    async with connect(sys.argv[1], subprotocols=["arqonbus.v1.json"]) as bus:
        args = {"room": "r", "channel": "c", "group": "g", "credits": 3}
        await bus.send(json.dumps({"type": "command", "command": "group.join", "args": args}))
        async for frame in bus:
            if json.loads(frame)["type"] == "task":
                print("task", flush=True)

asyncio.run(main())
"""


async def test_attempts_are_counted_over_a_kill_of_the_bus(
    tmp_path: Path, stored: dict[str, str]
) -> None:
    async with serving(tmp_path, **stored) as bus, peer(bus.url) as p:
        for n in range(5):
            await p.publish("r", "c", n)
        await p.ok("group.join", **GROUP, credits=3, max_attempts=2, start="beginning")
        got = [await p.until("task") for _ in range(3)]
        acked = await p.ok("group.ack", **GROUP, seqs=[2], epoch=got[0]["epoch"])
        await p.until("task")
        await bus.stop(signal.SIGKILL)
    async with serving(tmp_path, **stored) as bus, peer(bus.url) as p:
        joined = await p.ok("group.join", **GROUP, credits=10)
        again = [await p.until("task") for _ in range(4)]
        await bus.stop(signal.SIGKILL)
    async with serving(tmp_path, **stored) as bus, peer(bus.url) as p:
        await p.ok("join_channel", room="r", channel="c.dead", since={"seq": 0})
        letters = [await p.until("message") for _ in range(3)]
        await p.ok("group.join", **GROUP, credits=10)
        last = await p.until("task")
    assert (acked["acked"], joined["created"], joined["max_attempts"]) == ([2], False, 2)
    assert {task["seq"]: task["attempt"] for task in again} == {1: 2, 3: 2, 4: 2, 5: 1}
    assert {letter["metadata"]["dead_letter"]["seq"] for letter in letters} == {1, 3, 4}
    assert (last["seq"], last["attempt"]) == (5, 2)


@pytest.fixture(params=["sqlite", "redis"])
def backend(request: pytest.FixtureRequest) -> str:
    """Those that outlive a bus."""
    return str(request.param)


class Worker:
    """Acknowledges one task after the other; `receipted` are those whose receipt came."""

    def __init__(self, p: Peer, receipted: set[int]) -> None:
        self.receipted = receipted
        self._peer = p
        self._todo: list[Frame] = []
        self._waiting: Frame | None = None

    @property
    def asked(self) -> set[int]:
        """What was acknowledged without a receipt so far."""
        return set() if self._waiting is None else {self._waiting["seq"]}

    async def work(self, until: int) -> None:
        """Until so many are receipted, with the next ack on its way, or the bus is gone."""
        with suppress(ConnectionClosed):
            while len(self.receipted) < until:
                self._take(await self._peer.receive())
                if self._todo and self._waiting is None:
                    self._waiting = self._todo.pop(0)
                    seqs, epoch = [self._waiting["seq"]], self._waiting["epoch"]
                    args = {**GROUP, "seqs": seqs, "epoch": epoch}
                    await self._peer.send(type="command", id="ack", command="group.ack", args=args)

    def _take(self, frame: Frame) -> None:
        if frame["type"] == "task":
            assert frame["seq"] not in self.receipted
            self._todo.append(frame)
        elif self._waiting is not None and frame.get("request_id") == "ack":
            assert frame["type"] == "response", frame
            self.receipted.add(self._waiting["seq"])
            self._waiting = None


async def test_no_task_is_lost_and_none_comes_again_after_its_ack_was_receipted(
    tmp_path: Path, stored: dict[str, str]
) -> None:
    receipted: set[int] = set()
    unknown: set[int] = set()
    published = 0
    for _ in range(ROUNDS):
        async with serving(tmp_path, **stored) as bus, peer(bus.url) as p, peer(bus.url) as source:
            await p.ok("group.join", **GROUP, credits=20, max_attempts=1000)
            for _ in range(random.randint(1, 20)):
                ack = await source.publish("r", "c", 1, id=token_hex())
                published = ack["seq"]
            worker = Worker(p, receipted)
            await worker.work(min(len(receipted) + random.randint(0, 5), published))
            await bus.stop(signal.SIGKILL)
            await worker.work(published + 1)
            unknown |= worker.asked
    async with serving(tmp_path, **stored) as bus, peer(bus.url) as p:
        # An ack whose receipt the kill took may be stored all the same.
        left = published - (await _figures(bus.url))["acked"]
        await p.ok("group.join", **GROUP, credits=200)
        await Worker(p, receipted).work(len(receipted) + left)
        found = await _figures(bus.url)
    assert receipted | unknown == set(range(1, published + 1))
    assert (found["floor"], found["acked"], found["in_flight"]) == (published, published, 0)
    assert (found["dead"], found["lost"], found["balanced"]) == (0, 0, True)


async def _figures(url: str) -> Frame:
    async with peer(url) as p:
        return await p.ok("group.pending", **GROUP)


async def test_a_worker_that_is_killed_leaves_its_tasks_to_the_others(
    tmp_path: Path, stored: dict[str, str]
) -> None:
    async with serving(tmp_path, **stored) as bus, peer(bus.url) as p:
        worker = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            WORKER,
            bus.url,
            env=environment({}),
            stdout=asyncio.subprocess.PIPE,
        )
        assert worker.stdout is not None
        while (await p.call("group.pending", **GROUP)).get("payload", {}).get("workers") != 1:
            pass
        for n in range(3):
            await p.publish("r", "c", n)
        for _ in range(3):
            assert await worker.stdout.readline() == b"task\n"
        await p.ok("group.join", **GROUP, credits=3)
        worker.kill()
        again = [await p.until("task") for _ in range(3)]
        await worker.wait()
    assert [(task["seq"], task["attempt"]) for task in again] == [(1, 2), (2, 2), (3, 2)]


async def test_delayed_messages_survive_a_kill_and_come_once(
    tmp_path: Path, stored: dict[str, str]
) -> None:
    count = 60
    async with serving(tmp_path, **stored) as bus, peer(bus.url) as p:
        begin = datetime.now(UTC) + timedelta(seconds=4)
        for n in range(count):
            when = begin + timedelta(milliseconds=50 * n)
            ack = await p.publish("r", "c", n, id=f"m{n}", deliver_at=f"{when:%FT%T.%f}Z")
            assert ack["deliver_at"]
        await bus.stop(signal.SIGKILL)
    for seen in (10, 25, 40):
        async with serving(tmp_path, **stored) as bus, peer(bus.url) as p:
            await p.ok("join_channel", room="r", channel="c", since={"seq": 0})
            while (await p.until("message"))["seq"] < seen:
                pass
            await bus.stop(signal.SIGKILL)
    async with serving(tmp_path, **stored) as bus, peer(bus.url) as p:
        await p.ok("join_channel", room="r", channel="c", since={"seq": 0})
        got = [await p.until("message") for _ in range(count)]
        status = await p.ok("status")
        left = await p.ok("delayed.list", room="r", channel="c")
    assert [m["payload"] for m in got] == list(range(count))
    assert [m["seq"] for m in got] == list(range(1, count + 1))
    assert status["ledger"]["balanced"] is True
    assert left["messages"] == []
