"""Reads an export and proves that it is whole."""

from __future__ import annotations

import hashlib
from itertools import islice
from typing import IO, TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from arqonbus.audit.export import End, Header
from arqonbus.audit.records import canonical
from arqonbus.audit.verify import Break, Checked, How, Verifier

if TYPE_CHECKING:
    from collections.abc import Callable

_AHEAD: Final = 1000
T = TypeVar("T")


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """What `verify` found: the first break, or none."""

    broken: Break | None
    header: Header | None
    checked: Checked


def verify(
    file: IO[bytes], head: str | None = None, progress: Callable[[int], None] = lambda _: None
) -> Verification:
    """Check a whole export; with `head`, also that its last record is the one of that hash.

    `progress` is called with the number of bytes that were read.
    """
    first = file.readline()
    header = _read(first, Header)
    if header is None:
        broken = Break(1, "changed", "not the header of an export of the audit log, version 1")
        return Verification(broken=broken, header=None, checked=Checked())
    reading = _Reading(file, first, header)
    found = reading.run(progress)
    checked = reading.checked
    if found is None and head not in {None, checked.head}:
        what = f"the last record's hash is {checked.head}, not the head given"
        found = Break(checked.records + 1, "truncated", what)
    return Verification(broken=found, header=header, checked=checked)


class _Reading:
    """Goes through the lines behind the header."""

    def __init__(self, file: IO[bytes], first: bytes, header: Header) -> None:
        self._file = file
        self._header = header
        self._sum = hashlib.sha256(first)
        self._read_so_far = len(first)
        self._verifier = Verifier(header.first, header.tenant)
        self.checked = self._verifier.checked

    def run(self, progress: Callable[[int], None]) -> Break | None:
        """Up to the end, or to the first line that is broken."""
        number, done = 1, self._read_so_far
        for number, line in enumerate(self._file, 2):
            done += len(line)
            progress(done)
            if not line.endswith(b"\n"):
                return Break(number, "truncated", "the file was cut off here")
            if line.startswith(b'{"end"'):
                return self._check_end(number, line)
            broken = self._check_record(number, line)
            if broken is not None:
                return broken
            self._sum.update(line)
        return Break(number + 1, "truncated", "the end is missing: the file was cut off")

    def _check_record(self, number: int, line: bytes) -> Break | None:
        record = _read(line, dict[str, Any])  # Any: a JSON value, whatever the file holds
        if record is None:
            return Break(number, "changed", "not a record in its canonical form")
        broken = self._verifier.take(number, record)
        if broken is None or broken.how != "missing":
            return broken
        # Perhaps it is not missing but stands further down.
        return self._verifier.take(number, record, self._behind())

    def _behind(self) -> set[int]:
        """Positions of the next records."""
        ahead = (_read(line, dict[str, Any]) for line in islice(self._file, _AHEAD))  # Any: JSON
        positions = (one.get("position") for one in ahead if one is not None)
        return {position for position in positions if type(position) is int}

    def _check_end(self, number: int, line: bytes) -> Break | None:
        end = _read(line, End)
        if end is None:
            return Break(number, "changed", "not an end in its canonical form")
        if self._file.read(1):
            return Break(number + 1, "inserted", "something follows the end")
        return self._check_number(number, end) or self._check_sum(end)

    def _check_number(self, number: int, end: End) -> Break | None:
        found = self.checked.records
        if end.records > found:
            whole = self.checked.head == end.head
            how: How = "missing" if whole else "truncated"
            return Break(number, how, f"{end.records - found} records fewer than the end says")
        if end.records < found:
            return Break(number, "inserted", f"{found - end.records} records more than it says")
        return None

    def _check_sum(self, end: End) -> Break | None:
        checked, header = self.checked, self._header
        says = (header.first, header.last, header.head)
        is_ = (checked.first, checked.last, checked.head) if header.tenant is None else (0, 0, "")
        if is_ != says or end.head != checked.head:
            return Break(1, "changed", "header, end and records do not say the same")
        if end.sha256 != self._sum.hexdigest():
            return Break(1, "changed", "the sum of all lines is another one than the end says")
        return None


def _read(line: bytes, kind: type[T]) -> T | None:
    """What a line holds if it is in canonical form."""
    try:
        found = msgspec.json.decode(line, type=kind)
        same = canonical(found) + b"\n" == line
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError):
        return None
    return found if same else None
