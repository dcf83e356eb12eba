"""When which thing is due next, with entries that went stale passed over."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

# Entries that may be stale before they are looked for.
_SLACK = 1024


class Timetable(Generic[K]):
    """Keys in order of their time. `current` tells the time in force for a key, None if it has
    none any more: an entry that says otherwise is stale, which spares looking for it in the heap.
    Stale ones are never more than those in force and some.
    """

    __slots__ = ("_current", "_heap", "_most")

    def __init__(self, current: Callable[[K], int | None]) -> None:
        self._current = current
        self._heap: list[tuple[int, K]] = []
        self._most = _SLACK

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, time: int, key: K) -> None:
        """Note that `key` is due at `time`."""
        heapq.heappush(self._heap, (time, key))
        if len(self._heap) > self._most:
            self._clear_out()

    def next(self) -> int | None:
        """The earliest time in force."""
        heap = self._heap
        while heap and self._current(heap[0][1]) != heap[0][0]:
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    def pop(self, now: int) -> K | None:
        """Remove and return the key that is due first, if one is due by `now`."""
        time = self.next()
        if time is None or time > now:
            return None
        return heapq.heappop(self._heap)[1]

    def _clear_out(self) -> None:
        """Stale entries behind one that is due much later would stay as long as that one."""
        self._heap = list({e for e in self._heap if self._current(e[1]) == e[0]})
        heapq.heapify(self._heap)
        self._most = 2 * len(self._heap) + _SLACK
