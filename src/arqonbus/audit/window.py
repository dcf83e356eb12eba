"""Refusals of a short time, the same ones as one: what a flood becomes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

from arqonbus.audit.records import OWN, Entry, entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from arqonbus.telemetry.security import SecurityEvent

# What is told apart at a time, over all tenants; more is only counted, by tenant and kind.
_MAX_KEYS: Final = 4096
_MAX_TENANTS: Final = 1024
# Other addresses that a record of repeated events names.
_MAX_ADDRESSES: Final = 8

_Key = tuple[str, str, str, str]


@dataclass(slots=True)
class _Repeated:
    entry: Entry
    others: dict[str, None] = field(default_factory=dict)

    def again(self, event: SecurityEvent, now: int) -> None:
        self.entry.count += 1
        self.entry.until = now
        if event.address != self.entry.address and len(self.others) <= _MAX_ADDRESSES:
            self.others[event.address] = None

    def finished(self) -> Entry:
        if self.others:
            named = list(self.others)
            more = " …" if len(named) > _MAX_ADDRESSES else ""
            text = " ".join(named[:_MAX_ADDRESSES]) + more
            self.entry.detail = {**self.entry.detail, "other_addresses": text}
        return self.entry


@dataclass(slots=True)
class _Share:
    """One tenant's part: what is told apart, and what is only counted, by kind."""

    tenant: str
    apart: dict[_Key, _Repeated] = field(default_factory=dict)
    counted: Counter[str] = field(default_factory=Counter)
    first: int = 0
    last: int = 0

    def count(self, kind: str, number: int, first: int, last: int) -> None:
        self.counted[kind] += number
        self.first = min(self.first or first, first)
        self.last = max(self.last, last)

    def absorb(self, other: _Share) -> None:
        for kind, number in other.counted.items():
            self.count(kind, number, other.first, other.last)

    def leave_out(self, left: Iterable[_Repeated]) -> None:
        for one in left:
            told = one.entry
            self.count(told.kind, told.count, told.time, max(told.time, told.until))

    def summary(self) -> Entry:
        return Entry(
            OWN,
            "summary",
            self.first,
            self.last,
            self.counted.total(),
            self.tenant,
            detail=dict(self.counted),
        )


class Window:
    """At most `most` records come of a window, whatever came into it; each event is counted in
    exactly one of them. Every tenant gets the same share, and a summary of its own for the rest.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._keys = 0
        self._shares: dict[str, _Share] = {}
        # Of tenants beyond those that are told apart.
        self._others = _Share("", {})

    def __bool__(self) -> bool:
        return bool(self._shares)

    def add(self, event: SecurityEvent, now: int) -> None:
        """An event that happened `now` (µs)."""
        share = self._share(event.tenant)
        key = (event.kind.value, event.what, event.subject, event.target)
        known = share.apart.get(key)
        if known is not None:
            known.again(event, now)
        elif share is not self._others and self._keys < _MAX_KEYS and len(share.apart) < self._most:
            self._keys += 1
            share.apart[key] = _Repeated(entry(event, now))
        else:
            share.count(event.kind.value, 1, now, now)

    def close(self) -> list[Entry]:
        """The records of all that came, in order of time; the window begins anew."""
        shares = [*self._shares.values()]
        if self._others.counted:
            shares.append(self._others)
        self._keys, self._shares, self._others = 0, {}, _Share("", {})
        records = sum(len(share.apart) + bool(share.counted) for share in shares)
        room = self._most if records <= self._most else self._most - self._most // 2
        told = _in_turn(shares, room)
        told += _summaries([s for s in shares if s.counted], self._most - len(told))
        return sorted(told, key=lambda one: one.time)

    def _share(self, tenant: str) -> _Share:
        share = self._shares.get(tenant)
        if share is None:
            if len(self._shares) >= _MAX_TENANTS:
                return self._others
            share = self._shares[tenant] = _Share(tenant)
        return share


def _in_turn(shares: Sequence[_Share], room: int) -> list[Entry]:
    """One record of each tenant, then a second one of each, and so on while there is room; what
    finds none is counted.
    """
    rounds = zip_longest(*(share.apart.values() for share in shares))
    told: list[Entry] = []
    for turn in rounds:
        for share, one in zip(shares, turn, strict=True):
            if one is None:
                continue
            if len(told) < room:
                told.append(one.finished())
            else:
                share.leave_out([one])
    return told


def _summaries(shares: list[_Share], room: int) -> list[Entry]:
    """The tenants with few events first: one that floods must not hide them among its own."""
    shares.sort(key=lambda share: share.counted.total())
    if len(shares) > room:
        rest = _Share("")
        for share in shares[room - 1 :]:
            rest.absorb(share)
        shares = [*shares[: room - 1], rest]
    return [share.summary() for share in shares]
