"""What the journal of delayed messages holds, one JSON record each."""

from __future__ import annotations

import msgspec

from arqonbus.delayed.schedule import Item, Key
from arqonbus.model.durability import Durability


class Later(msgspec.Struct, tag_field="t", tag="later", omit_defaults=True, kw_only=True):
    """A message to be delivered at `at` (µs); a second one with this number is the same."""

    number: int
    room: str
    channel: str
    key: str
    at: int
    body: str
    require: str | None = None


class Ended(msgspec.Struct, tag_field="t", tag="ended", kw_only=True):
    """The message of this number was delivered, or is not to be delivered any more."""

    number: int


AnyRecord = Later | Ended


def later(item: Item) -> Later:
    """The record of an item."""
    return Later(
        number=item.number,
        room=item.key.room,
        channel=item.key.channel,
        key=item.key.key,
        at=item.at,
        body=item.body.decode(),
        require=item.require.wire if item.require is not None else None,
    )


def item_of(record: Later, seq: int) -> Item:
    """The item of a record at position `seq`."""
    return Item(
        number=record.number,
        key=Key(record.room, record.channel, record.key),
        at=record.at,
        body=record.body.encode(),
        require=None if record.require is None else Durability.from_wire(record.require),
        seq=seq,
    )
