"""A bus with groups and delayed messages: commits and time go on when a test says so."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from unit.arqonbus.bus.fakes import FakePeer, HeldStorage, Stage

from arqonbus.bus.journal import Journal
from arqonbus.config.limits import DelayedSettings, GroupSettings, LimitSettings
from arqonbus.delayed.engine import Delayed
from arqonbus.groups.engine import Groups
from arqonbus.groups.group import Group
from arqonbus.groups.records import Terms
from arqonbus.model.address import Address
from arqonbus.model.durability import Durability
from arqonbus.model.principal import ANONYMOUS, Principal
from arqonbus.protocol.json_codec import JsonCodec
from arqonbus.telemetry.metrics import Metrics

TERMS = Terms(visibility=30_000_000, max_attempts=2, dead_letter="c.dead")
Frame = dict[str, Any]


class Worker:
    """A connection that keeps what it is sent; with `full` it takes nothing."""

    def __init__(self, client_id: str) -> None:
        self.client_id = client_id
        self.principal: Principal = ANONYMOUS
        self.frames: list[Frame] = []
        self.notices: list[Frame] = []
        self.full = False

    def send_json(self, text: bytes) -> bool:
        if not self.full:
            self.frames.append(json.loads(text))
        return not self.full

    def has_room(self) -> bool:
        return not self.full

    def notice(self, payload: dict[str, object]) -> None:
        self.notices.append(payload)

    @property
    def tasks(self) -> list[tuple[int, int]]:
        """Position and attempt of each task so far."""
        return [(f["seq"], f["attempt"]) for f in self.frames if f["type"] == "task"]


class Works(Stage):
    """A life of the bus; `again` is the next one on the same store."""

    def __init__(
        self,
        storage: HeldStorage | None = None,
        waiting: DelayedSettings | None = None,
        **groups: int,
    ) -> None:
        super().__init__(LimitSettings(), storage=storage, durability=Durability.DISK)
        metrics: Metrics = self.bus._metrics
        self.groups = Groups(self.bus, self.storage, metrics, GroupSettings.model_validate(groups))
        self.delayed = Delayed(self.bus, self.storage, metrics, waiting or DelayedSettings())

    async def quiet(self) -> None:
        """Until every task waits for something that only the test can bring about."""
        for _ in range(20):
            await asyncio.sleep(0)
            self.settle()

    async def ticks(self) -> None:
        """As `quiet`, but without any commit."""
        for _ in range(20):
            await asyncio.sleep(0)
            self.turn()

    async def group(self, *, after: int = 0, name: str = "g", terms: Terms = TERMS) -> Group:
        channel = self.hub.obtain(Address("r", "c"))
        making = asyncio.ensure_future(self.groups.create(channel, name, terms, after))
        await self.quiet()
        return making.result()

    async def publish(self, *payloads: object, **fields: object) -> FakePeer:
        source = self.peer("c_source")
        for payload in payloads:
            self.send(source, payload, **fields)
        await self.quiet()
        return source

    async def load(self) -> None:
        await self.bus.load(await self.storage.open())
        await self.groups.start()
        await self.delayed.start()

    def journal(self, name: str) -> Journal:
        return Journal(self.bus, self.storage, name)


@asynccontextmanager
async def life(
    storage: HeldStorage | None = None, waiting: DelayedSettings | None = None, **groups: int
) -> AsyncIterator[Works]:
    """A started bus; its end is a crash: nothing more is committed."""
    works = Works(storage, waiting, **groups)
    await works.load()
    try:
        yield works
    finally:
        works.storage.held = None
        await works.groups.stop()
        await works.delayed.stop()


def delayed_frame(payload: object, deliver_at: str, **fields: object) -> Any:
    frame = {"type": "message", "room": "r", "channel": "c", "payload": payload}
    return JsonCodec().decode(json.dumps(frame | {"deliver_at": deliver_at} | fields))
