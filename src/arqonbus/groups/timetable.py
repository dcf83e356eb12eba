"""When which task is due next, with entries that went stale passed over."""

from __future__ import annotations

import heapq
from collections.abc import Callable


class Timetable:
    """Keys in order of their time. `current` tells the time in force for a key, None if it has
    none any more: an entry that says otherwise is stale, which spares looking for it in the heap.
    """

    __slots__ = ("_current", "_heap")

    def __init__(self, current: Callable[[int], int | None]) -> None:
        self._current = current
        self._heap: list[tuple[int, int]] = []

    def add(self, time: int, key: int) -> None:
        """Note that `key` is due at `time`."""
        heapq.heappush(self._heap, (time, key))

    def next(self) -> int | None:
        """The earliest time in force."""
        heap = self._heap
        while heap and self._current(heap[0][1]) != heap[0][0]:
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    def pop(self, now: int) -> int | None:
        """Remove and return the key that is due first, if one is due by `now`."""
        time = self.next()
        if time is None or time > now:
            return None
        return heapq.heappop(self._heap)[1]
