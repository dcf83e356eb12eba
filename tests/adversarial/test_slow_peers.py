"""A peer that stops reading costs bounded memory and stalls nobody."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from support.peer import LIMIT, peer
from support.server import serving
from websockets.exceptions import ConnectionClosed

BODY = "x" * 20_000
COUNT = 1_500
TIGHT: dict[str, object] = {"outbox_max_bytes": 65_536, "limits_max_frame_bytes": 32_768}


async def _publish_past(url: str, stalled_room: str) -> list[int]:
    """Publish while a healthy subscriber reads along; the positions it saw."""
    async with peer(url) as writer, peer(url) as healthy:
        await healthy.ok("join_channel", room=stalled_room, channel="c")
        seen = []
        for _ in range(COUNT):
            await writer.send(type="message", room=stalled_room, channel="c", qos=0, payload=BODY)
            seen.append((await healthy.receive())["seq"])
    return seen


async def test_disconnect_closes_with_4001_and_the_peer_resumes(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, storage_backend="memory", **TIGHT) as bus,
        peer(bus.url, max_queue=1) as slow,
    ):
        joined = await slow.ok("join_channel", room="r", channel="c")
        slow.socket.transport.pause_reading()
        seen = await asyncio.wait_for(_publish_past(bus.url, "r"), LIMIT * 3)
        slow.socket.transport.resume_reading()
        last = 0
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                last = (await slow.receive())["seq"]
        async with peer(bus.url) as again:
            since = {"epoch": joined["epoch"], "seq": last}
            resumed = await again.ok("join_channel", room="r", channel="c", since=since)
            rest = [(await again.receive())["seq"] for _ in range(COUNT - last)]
            books = (await again.ok("status"))["ledger"]
    assert seen == list(range(1, COUNT + 1))
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4001
    assert 0 < last < COUNT
    assert resumed["recovered"] == "complete"
    assert rest == list(range(last + 1, COUNT + 1))
    assert books["balanced"]
    assert books["published"] == books["stored"] == COUNT
    due = COUNT * 2 + len(rest)
    assert (books["due"], books["pending"]) == (due, 0)
    assert books["dropped"] == {"disconnected": due - books["delivered"]}


async def test_drop_names_exactly_what_was_left_out(tmp_path: Path) -> None:
    settings = TIGHT | {"outbox_on_overflow": "drop"}
    async with (
        serving(tmp_path, storage_backend="memory", **settings) as bus,
        peer(bus.url, max_queue=1) as slow,
    ):
        await slow.ok("join_channel", room="r", channel="c")
        slow.socket.transport.pause_reading()
        await asyncio.wait_for(_publish_past(bus.url, "r"), LIMIT * 3)
        slow.socket.transport.resume_reading()
        told: list[int] = []
        gaps = 0
        while len(told) < COUNT:
            frame = await slow.receive()
            if frame["type"] == "gap":
                gaps += 1
                told += range(frame["payload"]["from_seq"], frame["payload"]["to_seq"] + 1)
            else:
                told.append(frame["seq"])
        books = (await slow.ok("status"))["ledger"]
    assert gaps >= 1
    assert told == list(range(1, COUNT + 1))
    assert books["balanced"]
    assert books["own"]["due"] == COUNT
    assert books["dropped"] == books["own"]["dropped"]
    assert list(books["dropped"]) == ["slow consumer"]
