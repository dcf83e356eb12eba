"""The log as a file: JSON lines, a header, the records in their canonical form, and an end.

::

    {"bus":"arqonbus/…","epoch":"…","first":1,"format":"arqonbus.audit","head":"…","last":9,…}
    {"detail":{…},"hash":"9f2c…","kind":"audit","position":1,"prev":"0000…","time":"…","what":"begin"}
    {"end":true,"head":"…","records":9,"sha256":"…"}

`head` is the hash of the last record; the end's `sha256` is over the bytes of all lines before it.
"""

from __future__ import annotations

import hashlib
from typing import IO, TYPE_CHECKING, Literal

import msgspec

from arqonbus.audit.records import Members, canonical

if TYPE_CHECKING:
    pass


class Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the file holds. `seq` is the position in the stream up to which it was read, to go on
    with `--after`; `tenant` says that only records about one are here, which are no chain: `first`,
    `last` and `head` are empty then.
    """

    format: Literal["arqonbus.audit"] = "arqonbus.audit"
    version: Literal[1] = 1
    bus: str
    epoch: str
    first: int
    last: int
    head: str
    seq: int
    tenant: str | None = None


class End(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The last line."""

    end: Literal[True] = True
    records: int
    head: str
    sha256: str


class Writer:
    """Writes an export; without `finish` it is no whole one."""

    def __init__(self, file: IO[bytes], header: Header) -> None:
        self._file = file
        self._sum = hashlib.sha256()
        self._records = 0
        self._head = ""
        self._line(canonical(header))

    def write(self, record: Members) -> None:
        """Append one record."""
        self._line(canonical(record))
        self._records += 1
        self._head = record["hash"]

    def finish(self) -> End:
        """Write the last line."""
        end = End(records=self._records, head=self._head, sha256=self._sum.hexdigest())
        self._file.write(canonical(end) + b"\n")
        return end

    def _line(self, text: bytes) -> None:
        self._file.write(text + b"\n")
        self._sum.update(text + b"\n")
