"""kill -9 under load: what was acknowledged is there after a restart, in order, on disk."""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path

import pytest
from support.peer import peer
from support.server import serving
from support.witness import KEEP_ALL, Witness

# Each a whole life of a bus; KILL_ROUNDS asks for more.
ROUNDS = {"sqlite": 50, "redis": 8}


@pytest.mark.parametrize("backend", ROUNDS)
async def test_kill_9_at_random_points_loses_and_invents_nothing(
    tmp_path: Path, backend: str, stored: dict[str, str]
) -> None:
    witness = Witness()
    settings = {**KEEP_ALL, **stored}
    for _ in range(int(os.environ.get("KILL_ROUNDS", ROUNDS[backend]))):
        async with serving(tmp_path, **settings) as bus, witness.at(bus):
            await witness.more(random.randint(1, 400), "disk")
            assert await bus.stop(signal.SIGKILL) == -signal.SIGKILL
    async with serving(tmp_path, **settings) as bus:
        async with witness.at(bus):
            await witness.more(1, "disk")
            await witness.settle(bus)
        await witness.verify(bus.url, strict=True)


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
        page = await p.ok("history", room="r", channel="c", after=0)
    assert [again[name] for name in ("seq", "epoch")] == [first[name] for name in ("seq", "epoch")]
    assert other["error_code"] == "CONFLICT"
    assert third["seq"] == 3
    assert [m["payload"] for m in page["messages"]] == [{"n": 1}, 2, 3]


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
