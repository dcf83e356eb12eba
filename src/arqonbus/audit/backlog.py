"""What waits for being stored, bounded; what finds no room is counted and told."""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Final

from arqonbus.audit.records import OWN, Entry
from arqonbus.telemetry.security import FLOODABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MOST: Final = 4096


class Backlog:
    """In order. What clients can cause at will gets half of the room, so that it never takes the
    place of what administrators do. `on_lost` is called with how many events found none.
    """

    def __init__(self, on_lost: Callable[[int], None], most: int = MOST) -> None:
        self._on_lost = on_lost
        self._most = most
        self._waiting: deque[Entry] = deque()
        self._lost: dict[str, Entry] = {}

    def __len__(self) -> int:
        return len(self._waiting) + len(self._lost)

    @property
    def oldest(self) -> int | None:
        """When the first of those that wait happened (µs)."""
        return self._waiting[0].time if self._waiting else None

    def put(self, one: Entry) -> bool:
        """Keep a record for later; False when only its number is kept."""
        flood = one.kind == OWN or one.kind in FLOODABLE
        if len(self._waiting) < (self._most // 2 if flood else self._most):
            self._waiting.append(one)
            return True
        self._on_lost(one.count)
        lost = self._lost.setdefault(
            one.kind, Entry(OWN, "lost", one.time, count=0, detail={"kind": one.kind})
        )
        lost.count += one.count
        lost.until = max(one.time, one.until)
        return False

    def take(self, most: int) -> list[Entry]:
        """The first ones; behind the last of them what was lost."""
        taken = list(islice(self._waiting, most))
        for _ in taken:
            self._waiting.popleft()
        if len(taken) < most:
            taken += self._lost.values()
            self._lost = {}
        return taken

    def give_back(self, taken: Iterable[Entry]) -> None:
        """These could not be stored: they are the first ones again."""
        self._waiting.extendleft(reversed(list(taken)))

    def withdraw(self) -> list[Entry]:
        """Those for which somebody waits wait no longer: they are told instead."""
        gone = [one for one in self._waiting if one.told is not None]
        if gone:
            self._waiting = deque(one for one in self._waiting if one.told is None)
        return gone
