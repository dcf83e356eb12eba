"""The publish ids of one channel, so that a repeated publish is recognised."""

from __future__ import annotations

from enum import Enum, auto
from itertools import islice
from typing import NamedTuple


class State(Enum):
    """How far the first message of an id has come."""

    WAITING = auto()
    IN_FLIGHT = auto()
    STORED = auto()


class Known(NamedTuple):
    """An id's first message: `number` is its index while it waits or is in flight (within that
    batch), its position once it is stored; `digest` tells its payload from others.
    """

    state: State
    number: int
    digest: int


class PublishIds:
    """Ids on their way through a commit, and a bounded window of those stored last."""

    __slots__ = ("_in_flight", "_stored", "_waiting")

    def __init__(self) -> None:
        self._waiting: dict[str, tuple[int, int]] = {}
        self._in_flight: dict[str, tuple[int, int]] = {}
        self._stored: dict[str, tuple[int, int]] = {}

    def find(self, key: str) -> Known | None:
        """What is known of an id."""
        for state, ids in (
            (State.STORED, self._stored),
            (State.WAITING, self._waiting),
            (State.IN_FLIGHT, self._in_flight),
        ):
            found = ids.get(key)
            if found is not None:
                return Known(state, *found)
        return None

    def add(self, key: str, index: int, digest: int) -> None:
        """Remember a message that waits at `index`."""
        self._waiting[key] = (index, digest)

    def remember(self, key: str, seq: int, digest: int) -> None:
        """Know a message that is stored already; in order of `seq`."""
        self._stored[key] = (seq, digest)

    @property
    def in_flight(self) -> dict[int, str]:
        """The keys in flight by index within their batch."""
        return {index: key for key, (index, _) in self._in_flight.items()}

    def take(self, count: int) -> None:
        """The first `count` waiting messages are in flight now."""
        waiting = self._waiting
        self._in_flight = {key: entry for key, entry in waiting.items() if entry[0] < count}
        self._waiting = {
            key: (index - count, digest)
            for key, (index, digest) in waiting.items()
            if index >= count
        }

    def leave_out(self, indices: set[int]) -> None:
        """These messages of what is in flight are refused; those behind them move up."""
        kept: dict[str, tuple[int, int]] = {}
        for key, (index, digest) in self._in_flight.items():
            if index not in indices:
                kept[key] = (index - sum(gone < index for gone in indices), digest)
        self._in_flight = kept

    def stored(self, first_seq: int, window: int) -> None:
        """What was in flight is stored from `first_seq` on; keep the last `window` ids."""
        if not self._in_flight:
            return
        stored = self._stored
        for key, (index, digest) in self._in_flight.items():
            stored[key] = (first_seq + index, digest)
        self._in_flight = {}
        surplus = len(stored) - window
        if surplus > 0:
            for key in tuple(islice(stored, surplus)):
                del stored[key]

    def forget_stored(self) -> None:
        """The stream is another one now: nothing is known of what it holds."""
        self._stored = {}

    def refused(self) -> None:
        """What was in flight was not stored: its ids are free again."""
        self._in_flight = {}
