"""The audit log of a running bus: takes security events, and keeps them in a stream of its own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from arqonbus.audit.backlog import Backlog
from arqonbus.audit.pruning import Pruning
from arqonbus.audit.records import Entry, Members, entry, records_of
from arqonbus.audit.window import Window
from arqonbus.audit.writer import Writer, waiting
from arqonbus.bus.clock import rfc3339
from arqonbus.bus.journal import Journal
from arqonbus.bus.upkeep import upkeep
from arqonbus.errors import ArqonBusError, StorageError
from arqonbus.telemetry.security import FLOODABLE, EventKind, SecurityEvent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from arqonbus.bus.bus import Bus
    from arqonbus.config.shield import AuditSettings
    from arqonbus.storage.interface import Page, Storage
    from arqonbus.telemetry.metrics import Metrics
    from arqonbus.telemetry.security import SecurityEvents

_RETRY_SECONDS: Final = 1.0
_PRUNE_SECONDS: Final = 10.0
# How long records may wait for being stored before the bus is not ready.
_PATIENCE: Final = 60_000_000
_PAGE_BYTES: Final = 512 * 1024

log = structlog.get_logger(__name__)


class AuditLog:
    """Takes events from the moment it is made; `start` before anybody may connect."""

    def __init__(  # noqa: PLR0913, PLR0917 - the whole wiring, done once in app.build
        self,
        bus: Bus,
        storage: Storage,
        metrics: Metrics,
        settings: AuditSettings,
        events: SecurityEvents,
        server: str,
    ) -> None:
        self.server = server
        self._bus = bus
        self._now = bus.tick.now
        self._metrics = metrics
        self._settings = settings
        self._events = events
        self._journal = Journal(bus, storage, "audit")
        self._window = Window(int(settings.window * settings.max_per_second))
        self._backlog = Backlog(metrics.audit_lost)
        self._writer = Writer(self._journal, self._backlog, self._now)
        self._pruning = Pruning(self._journal, settings, self._now, self._stored)
        self._wake = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing: asyncio.TimerHandle | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._stopped = False
        events.attach(self.take)
        bus.condition.watchers.append(self._mode)

    async def start(self) -> None:
        """Go on with the chain that the store holds, or begin one; the start is stored then.

        Raises:
            ArqonBusError: the stream is there but can't be read, or nothing can be stored.
        """
        away = self._bus.condition.degraded and self._journal.end == 0
        last = await self._writer.find_end("the store is away" if away else "there is no record")
        before = "none" if last is None else _end_of(last)
        self._loop = loop = asyncio.get_running_loop()
        pruning = upkeep(
            self._pruning.run, every=_PRUNE_SECONDS, what="audit", metrics=self._metrics
        )
        self._tasks = [loop.create_task(self._write()), loop.create_task(pruning)]
        # What was taken before.
        self._close_window()
        detail = {"server": self.server, "before": before}
        try:
            await self.record_now(SecurityEvent(EventKind.MODE, "start", detail=detail))
        except ArqonBusError:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Store all that was taken, the stop last; nothing is taken any more then."""
        if not self._tasks:
            return
        writing, pruning = self._tasks
        pruning.cancel()
        await asyncio.wait([pruning])
        self._close_window()
        self._report_mode("stop", {})
        self._stopped = True
        self._wake.set()
        await writing
        if len(self._backlog):
            log.error(
                "the audit log ends with records that are not stored", left=len(self._backlog)
            )

    def take(self, event: SecurityEvent) -> None:
        """See `SecurityEvents.attach`."""
        if event.kind in FLOODABLE:
            if not self._window and self._loop is not None:
                self._closing = self._loop.call_later(self._settings.window, self._close_window)
            self._window.add(event, self._now())
        else:
            self._backlog.put(entry(event, self._now()))
            self._wake.set()

    async def record_now(self, event: SecurityEvent) -> None:
        """Store a record of what is about to be done; it is stored when this returns.

        The event is counted and logged here: it must not be reported besides.

        Raises:
            ArqonBusError: it could not be stored and never will be, so it must not be done.
        """
        event = event.bounded()
        self._events.note(event)
        await self._stored(entry(event, self._now()))

    async def page(
        self, *, after: int, limit: int, since: int | None = None
    ) -> tuple[Page, list[Members]] | None:
        """Stored records behind position `after` of the stream, or from the time `since` (µs) on;
        None before the first.

        Raises:
            StorageError: the stream can't be read.
        """
        if since is not None:
            after = max(after, await self._journal.position_at(since))
        page = await self._journal.page(after=after, limit=limit, max_bytes=_PAGE_BYTES)
        if page is None:
            return None
        try:
            return page, [one for message in page.messages for one in records_of(message.body)]
        except ValueError as error:
            where = page.messages[0].seq
            raise StorageError(f"the audit log is damaged behind {where}: {error}") from error

    async def head(self) -> tuple[int, Members] | None:
        """The newest stored record, and its position in the stream.

        Raises:
            StorageError: the stream can't be read.
        """
        got = await self.page(after=max(0, self._journal.end - 1), limit=1)
        return None if got is None or not got[1] else (got[0].messages[-1].seq, got[1][-1])

    def problem(self) -> str | None:
        """Why the bus should not be used, for `/ready`; None when records are stored."""
        oldest = self._backlog.oldest
        if oldest is None or self._now() - oldest < _PATIENCE:
            return None
        return f"{len(self._backlog)} records wait for being stored since {rfc3339(oldest)}"

    async def prune(self) -> None:
        """Remove what is beyond the bounds now.

        Raises:
            ArqonBusError: the store refused.
        """
        await self._pruning.run()

    async def _stored(self, one: Entry) -> None:
        if self._stopped or not self._tasks:
            raise StorageError("the audit log is closed: what must be recorded can't be done")
        told = waiting(one)
        if not self._backlog.put(one):
            raise StorageError("the audit log has no room: what must be recorded can't be done")
        self._wake.set()
        await told

    def _close_window(self) -> None:
        if self._closing is not None:
            self._closing.cancel()
            self._closing = None
        for one in self._window.close():
            self._backlog.put(one)
        self._wake.set()

    def _mode(self, news: Mapping[str, object]) -> None:
        if not news["available"]:
            what = "unavailable"
        else:
            what = "degraded" if news["degraded"] else "as demanded"
        levels = {name: str(news[name]) for name in ("durability", "demanded")}
        self._report_mode(what, levels)

    def _report_mode(self, what: str, detail: Mapping[str, str | int]) -> None:
        self._events.report(SecurityEvent(EventKind.MODE, what, detail=detail))

    async def _write(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            stopped = self._stopped
            if not await self._written():
                asyncio.get_running_loop().call_later(_RETRY_SECONDS, self._wake.set)
            if stopped:
                return

    async def _written(self) -> bool:
        try:
            await self._writer.write()
        except ArqonBusError as error:
            log.warning("the audit log waits", reason=str(error), waiting=len(self._backlog))
            return False
        except Exception:
            # The task's edge.
            log.exception("writing the audit log failed")
            self._metrics.internal_error("audit")
            return False
        return True


def _end_of(last: Members) -> str:
    return "stopped" if last.get("kind") == "mode" and last.get("what") == "stop" else "killed"
