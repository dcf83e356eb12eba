"""Exports made up for tests."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence

from arqonbus.audit.export import Header, Writer
from arqonbus.audit.records import BEGIN, GENESIS, OWN, Entry, Members, sealed


def chain(entries: Iterable[Entry], position: int = 1, prev: str = GENESIS) -> list[Members]:
    records = []
    for at, one in enumerate(entries, position):
        records.append(sealed(one, at, prev))
        prev = records[-1]["hash"]
    return records


def entries(count: int, *, begin: bool = True) -> list[Entry]:
    first = [Entry(OWN, BEGIN, 1, detail={"why": "there is no record"})] if begin else []
    rest = [
        Entry("refusal", "FORBIDDEN", n, tenant="acme", subject=f"s{n}")
        for n in range(count - len(first))
    ]
    return first + rest


def exported(records: Sequence[Members], header: Header | None = None) -> bytes:
    """A file of these records; the header is one of a whole export unless it is given."""
    out = io.BytesIO()
    writer = Writer(out, header or header_of(records))
    for record in records:
        writer.write(record)
    writer.finish()
    return out.getvalue()


def header_of(records: Sequence[Members]) -> Header:
    return Header(
        bus="arqonbus/test",
        epoch="e",
        first=records[0]["position"],
        last=records[-1]["position"],
        head=records[-1]["hash"],
        seq=1,
    )
