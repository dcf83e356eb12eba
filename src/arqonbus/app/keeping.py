"""What is done again and again while a bus serves."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from arqonbus.bus.upkeep import upkeep
from arqonbus.errors import ArqonBusError, StorageError
from arqonbus.gateway.expiry import Expiries
from arqonbus.storage.interface import UnusableStoreError
from arqonbus.telemetry.security import EventKind, SecurityEvent

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from arqonbus.app.build import App

_TRIM_SECONDS: Final = 30.0
_LOOK_SECONDS: Final = 1.0
_EXPIRY_SECONDS: Final = 0.5

log = structlog.get_logger(__name__)


def keep(app: App, hangup: asyncio.Event) -> list[asyncio.Task[None]]:
    """Begin with all of it; each task ends by being cancelled."""
    expiries = Expiries(
        app.bus.hub, app.bus.tick, app.settings.auth, app.shield.events, app.metrics
    )

    async def trim() -> None:
        await app.storage.trim(app.bus.tick.now())

    async def expire() -> None:
        expiries.look()

    def again(what: str, every: float, work: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        return asyncio.create_task(upkeep(work, every=every, what=what, metrics=app.metrics))

    return [
        again("retention", _TRIM_SECONDS, trim),
        again("expiry", _EXPIRY_SECONDS, expire),
        asyncio.create_task(_look_after(app)),
        asyncio.create_task(_reload(app, hangup)),
    ]


async def _look_after(app: App) -> None:
    """Look at the store now and then, so that it is missed and found again without traffic."""
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        try:
            await app.bus.look_after()
        except UnusableStoreError as error:
            log.error("the store must not be used any more: stop this bus", reason=str(error))  # noqa: TRY400 - the reason says all
            return
        except StorageError as error:
            app.metrics.internal_error("probe")
            log.exception("the store can't be looked at", reason=str(error))


async def _reload(app: App, hangup: asyncio.Event) -> None:
    """What SIGHUP means: see docs/running.md. One that came before this began counts too."""
    while True:
        await hangup.wait()
        hangup.clear()
        app.shield.events.report(SecurityEvent(EventKind.ADMIN, "SIGHUP"))
        try:
            log.info("reloaded", **app.services.reloads.reload())
        except ArqonBusError:
            continue  # every reason has been logged
        except Exception:
            # The task's edge: the next one is to be heard.
            log.exception("a reload failed")
            app.metrics.internal_error("reload")
