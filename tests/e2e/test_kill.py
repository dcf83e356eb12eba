"""kill -9 under load: what was acknowledged is there after a restart, in order, on disk."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
from contextlib import suppress
from pathlib import Path

import pytest
from support.peer import Frame, peer
from support.server import serving
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

KEEP_ALL = {"retention_max_messages": 100_000_000}
# Each a whole life of a bus; KILL_ROUNDS asks for more.
ROUNDS = int(os.environ.get("KILL_ROUNDS", "50"))


async def test_kill_9_at_random_points_loses_and_invents_nothing(tmp_path: Path) -> None:
    acknowledged: dict[int, str] = {}
    delivered: dict[int, str] = {}
    for round_number in range(ROUNDS):
        async with serving(tmp_path, **KEEP_ALL) as bus, peer(bus.url) as p:
            await p.ok("join_channel", room="r", channel="c")
            sending = asyncio.create_task(_flood(p.socket, round_number))
            wanted = len(acknowledged) + random.randint(1, 400)
            while len(acknowledged) < wanted:
                _note(await p.receive(), acknowledged, delivered)
            assert await bus.stop(signal.SIGKILL) == -signal.SIGKILL
            with suppress(ConnectionClosed):
                while True:
                    _note(await p.receive(), acknowledged, delivered)
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
    stored = await _read_all(tmp_path)
    assert [m["seq"] for m in stored] == list(range(1, len(stored) + 1))
    by_seq = {m["seq"]: m["id"] for m in stored}
    assert {seq: by_seq.get(seq) for seq in acknowledged} == acknowledged
    assert {seq: by_seq.get(seq) for seq in delivered} == delivered


def _note(frame: Frame, acknowledged: dict[int, str], delivered: dict[int, str]) -> None:
    if frame["type"] == "ack":
        assert frame["durability"] == "disk"
        acknowledged[frame["seq"]] = frame["request_id"]
    else:
        assert frame["type"] == "message"
        delivered[frame["seq"]] = frame["id"]


async def _flood(socket: ClientConnection, round_number: int) -> None:
    n = 0
    try:
        while True:
            n += 1
            frame = {
                "type": "message",
                "room": "r",
                "channel": "c",
                "id": f"{round_number}-{n}",
                "payload": n,
            }
            await socket.send(json.dumps(frame))
            await asyncio.sleep(0)  # let the receiving side have its turn
    except ConnectionClosed:
        return


async def _read_all(data_dir: Path) -> list[dict[str, object]]:
    messages: list[dict[str, object]] = []
    async with serving(data_dir, **KEEP_ALL) as bus, peer(bus.url) as p:
        after: int | None = 0
        while after is not None:
            page = await p.ok("history", room="r", channel="c", after=after, limit=1000)
            assert page["complete"] == "complete"
            messages += page["messages"]
            after = page["next_after"]
    return messages


async def test_a_publish_sent_again_after_kill_9_is_still_one_message(tmp_path: Path) -> None:
    metadata = {"trace": ',"payload":7}'}
    async with serving(tmp_path) as bus, peer(bus.url) as p:
        first = await p.publish("r", "c", {"n": 1}, id="mine", metadata=metadata)
        await p.publish("r", "c", 2)
        await bus.stop(signal.SIGKILL)
    async with serving(tmp_path) as bus, peer(bus.url) as p:
        again = await p.publish("r", "c", {"n": 1}, id="mine", metadata=metadata)
        other = await p.publish("r", "c", {"n": 2}, id="mine")
        third = await p.publish("r", "c", 3, id="new")
    assert [again[name] for name in ("seq", "epoch")] == [first[name] for name in ("seq", "epoch")]
    assert other["error_code"] == "CONFLICT"
    assert third["seq"] == 3
    assert [m["payload"] for m in await _read_all(tmp_path)] == [{"n": 1}, 2, 3]


async def test_sigterm_drains_and_sends_everybody_away(tmp_path: Path) -> None:
    async with serving(tmp_path) as bus, peer(bus.url) as p:
        ack = await p.publish("r", "c", 1)
        code = await bus.stop()
        notice = await p.receive()
        await p.socket.wait_closed()
        assert p.socket.close_code == 4000
    assert ack["type"] == "ack"
    assert code == 0
    assert notice["payload"] == {"event": "draining", "reconnect": True}


async def test_a_second_bus_on_the_same_store_is_refused(tmp_path: Path) -> None:
    async with serving(tmp_path) as first:
        with pytest.raises(AssertionError, match="another bus has this store open"):
            async with serving(tmp_path):
                pass
        async with peer(first.url) as p:
            assert (await p.publish("r", "c", 1))["type"] == "ack"
