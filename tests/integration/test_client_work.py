"""The SDK's workers against a real bus."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.server import Server, environment, serving

from arqonbus.client import Backoff, Client, InvalidArgumentError, RefusedError, Work
from arqonbus.client.codec import CodecName

FAST = Backoff(first=0.01, limit=0.1)
NAMES = ("r", "c", "g")
EXAMPLE = Path(__file__).parents[2] / "docs" / "groups.md"


async def test_tasks_are_worked_on_and_acknowledged_together(bus: Server, codec: str) -> None:
    name: CodecName = "json" if codec == "json" else "msgpack"
    async with Client(bus.url, codec=name) as client:
        async with await client.work(*NAMES, credits=20) as work:
            for n in range(20):
                await client.publish("r", "c", n, metadata={"n": n})
            tasks = [await anext(work) for _ in range(20)]
            levels = await asyncio.gather(*(task.ack() for task in tasks))
            again = await tasks[0].ack() if levels else ""
        found = await client.command("group.pending", room="r", channel="c", group="g")
    assert [task.payload for task in tasks] == list(range(20))
    assert [task.metadata for task in tasks] == [{"n": n} for n in range(20)]
    assert {*levels, again} == {"disk"}
    assert (found["floor"], found["acked"], found["workers"]) == (20, 20, 0)


async def test_a_task_given_back_comes_again_and_a_late_ack_is_refused(bus: Server) -> None:
    async with Client(bus.url) as client, Client(bus.url) as other:
        work = await client.work(*NAMES, credits=1, visibility_timeout=60)
        await client.publish("r", "c", "x")
        first = await anext(work)
        await first.nack()
        second = await anext(work)
        async with await other.work(*NAMES) as theirs:
            await work.close()
            third = await anext(theirs)
            with pytest.raises(RefusedError, match="CONFLICT"):
                await second.ack()
            await third.ack()
        with pytest.raises(RefusedError, match="visibility_timeout"):
            await other.work(*NAMES, visibility_timeout=1.0)
        with pytest.raises(StopAsyncIteration):
            await anext(work)
    assert [task.attempt for task in (first, second, third)] == [1, 2, 3]


async def test_one_worker_of_a_group_for_each_client(bus: Server) -> None:
    async with Client(bus.url) as client:
        await client.work(*NAMES)
        with pytest.raises(InvalidArgumentError):
            await client.work(*NAMES)
        with pytest.raises(RefusedError):
            await client.work("r", "c", ".")


async def test_a_worker_goes_on_after_the_bus_was_killed(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    async with serving(tmp_path, port=port) as first:
        client = await Client(first.url, backoff=FAST).__aenter__()
        work = await client.work(*NAMES, credits=2)
        await client.publish("r", "c", 1)
        await (await anext(work)).ack()
        await client.publish("r", "c", 2)
        lost = await anext(work)
        await first.stop(signal.SIGKILL)
    async with serving(tmp_path, port=port):
        again = await anext(work)
        await again.ack()
        await client.publish("r", "c", 3)
        third = await anext(work)
    await client.close()
    assert isinstance(work, Work)
    assert [(t.payload, t.attempt) for t in (lost, again, third)] == [(2, 1), (2, 2), (3, 1)]


async def test_a_delayed_publish_has_a_receipt_of_its_own(bus: Server) -> None:
    async with Client(bus.url) as client:
        subscription = await client.subscribe("r", "c")
        when = f"{datetime.now(UTC) + timedelta(seconds=0.2):%Y-%m-%dT%H:%M:%S.%f}Z"
        receipt = await client.publish("r", "c", "later", deliver_at=when)
        item = await anext(subscription)
    assert (receipt.deliver_at, receipt.seq, receipt.durability) == (when, None, "disk")
    assert getattr(item, "payload", None) == "later"


async def test_the_page_s_example_runs(bus: Server) -> None:
    found = re.search(r"```python\n(.*?)```", EXAMPLE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    program = found.group(1).replace("ws://127.0.0.1:9100", bus.url)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, env=environment({}), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert out.decode() == "1 1 {'order': 1}\ndisk\n"
