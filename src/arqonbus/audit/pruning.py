"""Keeps the log within its bounds: the oldest records go, and a record says which."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from arqonbus.audit.records import OWN, Entry, records_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from arqonbus.bus.clock import Clock
    from arqonbus.bus.journal import Journal
    from arqonbus.config.shield import AuditSettings
    from arqonbus.storage.interface import Page, StoredMessage

_PAGE: Final = 1000


class Pruning:
    """`record` stores a record and returns when that is done: it comes before the removal, so that
    nothing is gone of which the log does not say so.
    """

    def __init__(
        self,
        journal: Journal,
        settings: AuditSettings,
        clock: Clock,
        record: Callable[[Entry], Awaitable[None]],
    ) -> None:
        self._journal = journal
        self._settings = settings
        self._clock = clock
        self._record = record

    async def run(self) -> None:
        """Remove what is beyond the bounds; the newest block always stays, since the chain goes on
        behind it.

        Raises:
            ArqonBusError: the store refused.
        """
        while (page := await self._journal.page(after=0, limit=_PAGE)) is not None:
            gone = self._surplus(page)
            if not gone:
                return
            last = records_of(gone[-1].body)[-1]
            detail = {"through": last["position"], "hash": last["hash"]}
            await self._record(Entry(OWN, "pruned", self._clock(), detail=detail))
            await self._journal.drop(gone[-1].seq)

    def _surplus(self, page: Page) -> list[StoredMessage]:
        """The blocks at the beginning of a page that are to go; an eighth more than must, so that
        this is rare.
        """
        most, age = self._settings.max_bytes, self._settings.max_age
        excess = page.info.size - most + most // 8 if page.info.size > most else 0
        oldest = self._clock() - round(age * 1e6) if age is not None else 0
        gone = []
        for message in page.messages:
            if message.seq == page.info.last_seq:
                break
            if excess <= 0 and message.timestamp >= oldest:
                break
            gone.append(message)
            excess -= len(message.body)
        return gone
