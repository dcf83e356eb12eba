"""An audit log on a bus whose store and clock do what a test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

from unit.arqonbus.bus.fakes import HeldStorage, Stage

from arqonbus.audit.log import AuditLog
from arqonbus.audit.records import records_of
from arqonbus.bus.journal import Journal
from arqonbus.config.shield import AuditSettings
from arqonbus.model.address import SYSTEM_ROOM, Address
from arqonbus.model.durability import Durability
from arqonbus.telemetry.security import EventKind, SecurityEvent, SecurityEvents

STREAM = Address(SYSTEM_ROOM, "audit")


def refusal(what: str = "FORBIDDEN", **fields: Any) -> SecurityEvent:
    return SecurityEvent(EventKind.REFUSAL, what, **fields)


def admin(what: str = "revoke", **fields: Any) -> SecurityEvent:
    return SecurityEvent(EventKind.ADMIN, what, **fields)


class Life(Stage):
    """From a start of the bus to its end."""

    def __init__(self, storage: HeldStorage | None, **settings: Any) -> None:
        super().__init__(storage=storage)
        metrics = self.bus._metrics
        self.events = SecurityEvents(metrics)
        made = AuditSettings.model_validate(settings)
        self.audit = AuditLog(self.bus, self.storage, metrics, made, self.events, "arqonbus/test")

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

    async def close_window(self) -> None:
        self.audit._close_window()
        await self.quiet()

    async def retry(self) -> None:
        self.audit._wake.set()
        await self.quiet()

    async def meanwhile(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        while not task.done():
            await self.quiet()
        task.result()

    async def records(self) -> list[dict[str, Any]]:
        page = await Journal(self.bus, self.storage, "audit").page(after=0, limit=10**6)
        if page is None:
            return []
        return [one for message in page.messages for one in records_of(message.body)]

    async def told(self) -> list[tuple[str, str]]:
        return [(one["kind"], one["what"]) for one in await self.records()]


@asynccontextmanager
async def life(
    storage: HeldStorage | None = None, *, clean: bool = False, **settings: Any
) -> AsyncIterator[Life]:
    """A started log; its end is a crash unless it is `clean`."""
    made = Life(storage, **settings)
    await made.bus.load(await made.storage.open())
    await made.meanwhile(made.audit.start())
    await made.quiet()
    try:
        yield made
    finally:
        if clean:
            await made.meanwhile(made.audit.stop())
        else:
            made.storage.held = None
            for task in made.audit._tasks:
                task.cancel()
            await asyncio.wait(made.audit._tasks)


def disk() -> HeldStorage:
    return HeldStorage(Durability.DISK)
