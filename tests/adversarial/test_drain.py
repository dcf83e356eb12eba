"""SIGTERM amid everything: what was acknowledged stays, everybody is sent away, exit 0."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from pathlib import Path

from support.peer import Peer, peer
from support.server import serving
from websockets.exceptions import ConnectionClosed

PUBLISHERS = 20
IDLE = 100


async def test_a_drain_under_load_keeps_every_receipt_true(tmp_path: Path) -> None:
    acknowledged: dict[int, str] = {}
    async with serving(tmp_path) as bus, AsyncExitStack() as stack:
        publishers = [await stack.enter_async_context(peer(bus.url)) for _ in range(PUBLISHERS)]
        idle = [await stack.enter_async_context(peer(bus.url)) for _ in range(IDLE)]
        some = asyncio.Event()
        flooding = [
            asyncio.create_task(_flood(p, number, acknowledged, some))
            for number, p in enumerate(publishers)
        ]
        await some.wait()
        assert await bus.stop() == 0
        await asyncio.gather(*flooding)
        for p in idle:
            assert (await p.receive())["payload"]["event"] == "draining"
        for p in publishers + idle:
            await p.socket.wait_closed()
        codes = {p.socket.close_code for p in publishers + idle}
        assert bus.events("stopped")[0]["clean"] is True
    assert codes == {4000}
    async with serving(tmp_path) as bus, peer(bus.url) as p:
        stored: dict[int, str] = {}
        after: int | None = 0
        while after is not None:
            page = await p.ok("history", room="r", channel="c", after=after, limit=1000)
            stored |= {m["seq"]: m["id"] for m in page["messages"]}
            after = page["next_after"]
    assert {seq: stored.get(seq) for seq in acknowledged} == acknowledged


async def _flood(p: Peer, number: int, acknowledged: dict[int, str], some: asyncio.Event) -> None:
    """Send as fast as receipts come, ten under way, until the bus closes."""
    frame = {"type": "message", "room": "r", "channel": "c", "payload": number}
    count = 0
    try:
        while True:
            while count < 10:
                count += 1
                await p.socket.send(json.dumps(frame | {"id": f"{number}-{count}"}))
            answer = await p.receive()
            if answer["type"] == "ack":
                acknowledged[answer["seq"]] = answer["request_id"]
                if len(acknowledged) > 500:
                    some.set()
                count += 1
                await p.socket.send(json.dumps(frame | {"id": f"{number}-{count}"}))
    except ConnectionClosed:
        return
