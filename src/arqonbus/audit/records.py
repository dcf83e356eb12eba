"""One record of the log: its members, its canonical form and its hash.

The canonical form is JSON in UTF-8 without blanks, the members of every object in the order of
their names, strings with no more escapes than JSON demands, numbers as integers: RFC 8785 for what
occurs here, since names are ASCII and there are no fractions. Members that are empty are left out.
`hash` is the SHA-256, as hex digits, of the canonical form of all members but itself; `prev` is the
`hash` of the record before, or 64 zeros where a chain begins.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgspec

from arqonbus.bus.clock import rfc3339

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping, Sequence

    from arqonbus.telemetry.security import SecurityEvent

# What the log says about itself; all other kinds are those of `EventKind`.
OWN: Final = "audit"
# A chain's first record.
BEGIN: Final = "begin"
GENESIS: Final = "0" * 64

Members = dict[str, Any]  # Any: a JSON value; what is read may be anything

canonical: Final = msgspec.json.Encoder(order="sorted").encode
_decode_block: Final = msgspec.json.Decoder(list[Members]).decode


@dataclass(slots=True, eq=False)
class Entry:
    """What is to become a record. `told` is set for somebody who waits for it to be stored."""

    kind: str
    what: str
    time: int
    until: int = 0
    count: int = 1
    tenant: str = ""
    subject: str = ""
    client_id: str = ""
    address: str = ""
    target: str = ""
    detail: Mapping[str, str | int] = field(default_factory=dict)
    told: asyncio.Future[None] | None = None


def entry(event: SecurityEvent, now: int) -> Entry:
    """An event that happened `now` (µs)."""
    return Entry(
        event.kind.value,
        event.what,
        now,
        tenant=event.tenant,
        subject=event.subject,
        client_id=event.client_id,
        address=event.address,
        target=event.target,
        detail=event.detail,
    )


def digest(members: Mapping[str, object]) -> str:
    """The hash that a record with these members must have."""
    rest = {name: value for name, value in members.items() if name != "hash"}
    return hashlib.sha256(canonical(rest)).hexdigest()


def sealed(one: Entry, position: int, prev: str) -> Members:
    """The record at a position behind the one with the hash `prev`."""
    members: Members = {
        "kind": one.kind,
        "what": one.what,
        "until": rfc3339(one.until) if one.until else "",
        "count": one.count if one.count > 1 else 0,
        "tenant": one.tenant,
        "subject": one.subject,
        "client_id": one.client_id,
        "address": one.address,
        "target": one.target,
        "detail": dict(one.detail),
    }
    kept = {name: value for name, value in members.items() if value}
    kept |= {"position": position, "time": rfc3339(one.time), "prev": prev}
    return kept | {"hash": digest(kept)}


def block(records: Sequence[Members]) -> bytes:
    """Records that are stored together or not at all."""
    return canonical(records)


def records_of(body: bytes) -> list[Members]:
    """The records of a block.

    Raises:
        ValueError: it is none.
    """
    records = _decode_block(body)
    if not records:
        raise ValueError("an empty block")
    for one in records:
        if not (type(one.get("position")) is int and type(one.get("hash")) is str):
            raise ValueError("a record without position or hash")
    return records
