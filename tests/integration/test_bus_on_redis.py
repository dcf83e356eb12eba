"""A whole bus on a Redis server: who may start, and what is there after a kill."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import pytest
from support.peer import peer
from support.redis_store import fresh_prefix
from support.server import environment, serving
from support.valkey import Valkey

from arqonbus.app.exits import Exit


async def exit_of(settings: dict[str, str]) -> tuple[int, str]:
    """Start a bus that is not expected to serve; how it ended and what it said."""
    env = {f"ARQONBUS_{name.upper()}": value for name, value in settings.items()}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "arqonbus",
        "serve",
        env=environment({"ARQONBUS_PORT": "0", "ARQONBUS_HTTP_PORT": "0", **env}),
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, said = await asyncio.wait_for(process.communicate(), 30)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode is not None
    return process.returncode, said.decode()


async def test_one_bus_at_a_time_and_the_next_after_a_kill(valkey: Valkey, tmp_path: Path) -> None:
    settings = {
        "storage_backend": "redis",
        "redis_url": valkey.url,
        "redis_prefix": fresh_prefix(),
    }
    async with serving(tmp_path, **settings) as bus, peer(bus.url) as p:
        ack = await p.publish("r", "c", 1, id="first")
        assert (ack["seq"], ack["durability"]) == (1, "disk")
        code, said = await exit_of(settings)
        assert code == Exit.IO
        assert "another bus has this store" in said
        await bus.stop(signal.SIGKILL)
    async with serving(tmp_path, **settings) as bus, peer(bus.url) as p:
        again = await p.publish("r", "c", 1, id="first")
        assert (again["seq"], again["epoch"]) == (1, ack["epoch"])
        history = await p.ok("history", room="r", channel="c")
        assert [m["payload"] for m in history["messages"]] == [1]
        assert await bus.stop() == 0


@pytest.mark.parametrize(
    ("settings", "code", "sentence"),
    [
        ({"redis_url": "redis://127.0.0.1:1"}, Exit.IO, "can't be reached"),
        ({}, Exit.CONFIG, "redis needs redis.url"),
        ({"redis_url": "redis://me:hunter2@127.0.0.1"}, Exit.CONFIG, "redis.password_file"),
    ],
)
async def test_what_cannot_start(settings: dict[str, str], code: Exit, sentence: str) -> None:
    ended, said = await exit_of({"storage_backend": "redis", **settings})
    assert ended == code
    assert sentence in said
    assert "hunter2" not in said
