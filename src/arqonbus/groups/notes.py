"""One group's part of the journal: its records in order, and now and then the group as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arqonbus.errors import ArqonBusError

if TYPE_CHECKING:
    from collections.abc import Callable

    from arqonbus.bus.journal import Journal
    from arqonbus.groups.records import AnyRecord, Whole
    from arqonbus.routing.hub import Done


class Notes:
    """Hands records to the journal. `base` is the position of the last record that tells the group
    as a whole, which makes those before it useless; 0 when one is due.
    """

    def __init__(self, journal: Journal, whole: Callable[[], Whole], base: int) -> None:
        self.base = base
        self._journal = journal
        self._whole = whole
        self._under_way = 0
        self._renewing = False
        self._behind: list[tuple[AnyRecord, Done]] = []

    def write(self, record: AnyRecord, done: Done) -> None:
        """Have a record stored; `done` is told its position, or why not."""
        if self._renewing:
            self._behind.append((record, done))
        else:
            self._hand_in(record, done)

    def mark(self, record: AnyRecord) -> None:
        """Have something stored that has happened already: if that fails, the whole is due."""
        self.write(record, self._marked)

    def renew(self) -> None:
        """Write the group as a whole, once nothing is under way whose outcome is not known."""
        self._renewing = True
        self._go_on()

    def _hand_in(self, record: AnyRecord, done: Done) -> None:
        self._under_way += 1

        def told(result: int | ArqonBusError) -> None:
            self._under_way -= 1
            done(result)
            self._go_on()

        self._journal.write(record, told)

    def _go_on(self) -> None:
        if not self._renewing or self._under_way:
            return
        self._renewing = False
        behind, self._behind = self._behind, []
        self._hand_in(self._whole(), self._renewed)
        for record, done in behind:
            self._hand_in(record, done)

    def _renewed(self, result: int | ArqonBusError) -> None:
        self.base = 0 if isinstance(result, ArqonBusError) else result

    def _marked(self, result: int | ArqonBusError) -> None:
        if isinstance(result, ArqonBusError):
            self.base = 0
