"""Clients that all send the same ids, again and again while their bus is killed: each is there
once, and every receipt of it names the same position.
"""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import pytest
from support.peer import Peer, peer
from support.server import Server, serving
from support.witness import CHANNEL, CODECS, Witness, everything
from websockets.exceptions import ConnectionClosed

IDS = [f"m{n}" for n in range(300)]


@pytest.mark.parametrize("backend", ["sqlite", "redis"])
async def test_every_id_is_there_once(tmp_path: Path, stored: dict[str, str]) -> None:
    witness = Witness(publishers=0)
    for _ in range(4):
        async with serving(tmp_path, **stored) as bus, witness.at(bus), storm(bus, witness):
            await witness.more(random.randint(1, 2 * len(IDS)), "disk")
            await bus.stop(signal.SIGKILL)
    async with serving(tmp_path, **stored) as bus:
        async with witness.at(bus):
            async with storm(bus, witness):
                pass
            await witness.settle(bus)
        await witness.verify(bus.url, strict=True)
        _, ids = await everything(bus.url)
    assert sorted(ids) == sorted(IDS)
    for one in witness.subscribers:
        assert list(one.seen) == ids


@asynccontextmanager
async def storm(bus: Server, witness: Witness) -> AsyncIterator[None]:
    """Two clients of each codec, each of which sends all ids in an order of its own."""
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
        peers = [await stack.enter_async_context(peer(bus.url, codec)) for codec in CODECS * 2]
        for p in peers:
            group.create_task(insist(p, witness))
        yield


async def insist(p: Peer, witness: Witness) -> None:
    with suppress(ConnectionClosed):
        for name in random.sample(IDS, len(IDS)):
            await p.send(type="message", id=name, **CHANNEL, payload=name)
        for _ in IDS:
            assert witness.note(await p.receive()) is None
