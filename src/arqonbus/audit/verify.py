"""Whether records are one chain, and if not, the first that breaks it and how."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from arqonbus.audit.records import BEGIN, GENESIS, OWN, Members, digest

if TYPE_CHECKING:
    from collections.abc import Collection

How = Literal["changed", "missing", "reordered", "inserted", "truncated"]
_MEMBERS: Final = {"position": int, "time": str, "kind": str, "what": str, "prev": str, "hash": str}


@dataclass(frozen=True, slots=True)
class Break:
    """The first line (from 1) that is not as it was written."""

    line: int
    how: How
    why: str


@dataclass(slots=True)
class Checked:
    """What was found so far. `begins` tells where a new chain begins within the records, since the
    log itself lost its stream; `pruned` are hashes of records that it removed by itself.
    """

    records: int = 0
    first: int = 0
    last: int = 0
    anchor: str = ""
    head: str = ""
    begins: list[dict[str, object]] = field(default_factory=list)
    pruned: set[str] = field(default_factory=set)


class Verifier:
    """Takes the records one by one, the first of which has the position `first`.

    With `tenant` only records about one are there: each is checked for itself and its place, and
    nobody can tell whether one is missing.
    """

    def __init__(self, first: int, tenant: str | None = None) -> None:
        self.checked = Checked()
        self._first = first
        self._tenant = tenant

    def take(self, line: int, record: Members, behind: Collection[int] = ()) -> Break | None:
        """Check the next record; what is broken about it. `behind` are the positions of those that
        follow, to tell a record that is missing from one that was moved.
        """
        broken = self._itself(line, record) or self._place(line, record, behind)
        if broken is None:
            self._count(record)
        return broken

    def _itself(self, line: int, record: Members) -> Break | None:
        for name, kind in _MEMBERS.items():
            if type(record.get(name)) is not kind:
                return Break(line, "changed", f"{name} is missing or no {kind.__name__}")
        if type(record.get("detail", {})) is not dict:
            return Break(line, "changed", "detail is no object")
        if digest(record) != record["hash"]:
            what = f"record {record['position']} does not have the hash that it names"
            return Break(line, "changed", what)
        if self._tenant is not None and record.get("tenant") != self._tenant:
            return Break(line, "inserted", f"this record is not about {self._tenant}")
        return None

    def _place(self, line: int, record: Members, behind: Collection[int]) -> Break | None:
        done, position = self.checked, record["position"]
        if self._tenant is not None:
            later = position > done.last
            return None if later else Break(line, "reordered", f"{position} behind {done.last}")
        if not done.records:
            same = position == self._first
            return None if same else _misplaced(line, position, self._first, behind)
        if _begins(record):
            return _begun(line, record, done)
        expected = done.last + 1
        if position == expected and record["prev"] == done.head:
            return None
        return _misplaced(line, position, expected, behind)

    def _count(self, record: Members) -> None:
        done = self.checked
        if not done.records:
            done.first, done.anchor = record["position"], record["prev"]
        elif _begins(record):
            done.begins.append({"position": record["position"], **record.get("detail", {})})
        if record["kind"] == OWN and record["what"] == "pruned":
            done.pruned.add(str(record.get("detail", {}).get("hash")))
        done.records += 1
        done.last, done.head = record["position"], record["hash"]


def _begins(record: Members) -> bool:
    return (record["kind"], record["what"], record["prev"]) == (OWN, BEGIN, GENESIS)


def _begun(line: int, record: Members, done: Checked) -> Break | None:
    """A new chain names the end of the old one if that was known: a later one than what is here,
    unless nothing was lost.
    """
    detail = record.get("detail", {})
    old = detail.get("old_position", done.last)
    lost_none = old == done.last and detail.get("old_head", done.head) == done.head
    if lost_none or (type(old) is int and old > done.last):
        return None
    what = f"a chain begins at {record['position']} that names another end of the one before"
    return Break(line, "inserted", what)


def _misplaced(line: int, position: int, expected: int, behind: Collection[int]) -> Break:
    if position == expected:
        what = f"record {position} does not name the record before it: one of them was replaced"
        return Break(line, "changed", what)
    if position < expected:
        what = f"record {position} stands behind {expected - 1}: it is there again, or was moved"
        return Break(line, "inserted", what)
    if expected in behind:
        return Break(line, "reordered", f"record {position} stands where {expected} belongs")
    gone = f"{expected}" if position == expected + 1 else f"{expected} to {position - 1}"
    return Break(line, "missing", f"record {gone} is missing before {position}")
