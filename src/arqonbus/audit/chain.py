"""Where the chain stands: the last stored record, and what comes behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arqonbus.audit.records import BEGIN, GENESIS, OWN, Entry, Members, sealed

if TYPE_CHECKING:
    from collections.abc import Iterable


class Chain:
    """A record is sealed when it is handed to the store and counts once it is stored; one that was
    refused is sealed again, so that a chain in the store never has a hole.
    """

    def __init__(self) -> None:
        self.position = 0
        self.head: str | None = None
        # What a new chain begins with, until that is stored.
        self._begin: Entry | None = None

    def go_on(self, last: Members) -> None:
        """Behind this record of the store."""
        self.position, self.head, self._begin = last["position"], last["hash"], None

    def begin(self, why: str, now: int) -> None:
        """Anew, and say so: the records before are not there. Their end is named if it is known,
        and positions go on from there.
        """
        named: dict[str, str | int] = {"why": why}
        if self.head is not None:
            named |= {"old_head": self.head, "old_position": self.position}
        self._begin = Entry(OWN, BEGIN, now, detail=named)

    def sealed(self, entries: Iterable[Entry]) -> list[Members]:
        """The records of these, behind the last stored one."""
        prev = self.head or GENESIS
        first: list[Entry] = []
        if self._begin is not None:
            prev, first = GENESIS, [self._begin]
        records = []
        for position, one in enumerate([*first, *entries], self.position + 1):
            records.append(sealed(one, position, prev))
            prev = records[-1]["hash"]
        return records
