"""What the journal of delayed messages holds, one JSON record each."""

from __future__ import annotations

import msgspec

from arqonbus.delayed.schedule import Item, Key
from arqonbus.model.durability import Durability


class Record(msgspec.Struct, tag_field="t", omit_defaults=True, kw_only=True):
    """Of which message: see `Key`."""

    room: str
    channel: str
    key: str

    @property
    def whose(self) -> Key:
        """The message's key."""
        return Key(self.room, self.channel, self.key)


class Later(Record, tag="later"):
    """A message to be delivered at `at` (µs); a second one of the same key is the same message."""

    number: int
    at: int
    body: str
    require: str | None = None


class Ended(Record, tag="ended"):
    """The message was delivered, or is not to be delivered any more."""


AnyRecord = Later | Ended


def later(item: Item) -> Later:
    """The record of an item."""
    return Later(
        **item.key._asdict(),
        number=item.number,
        at=item.at,
        body=item.body.decode(),
        require=item.require.wire if item.require is not None else None,
    )


def item_of(record: Later, seq: int) -> Item:
    """The item of a record at position `seq`."""
    return Item(
        number=record.number,
        key=record.whose,
        at=record.at,
        body=record.body.encode(),
        require=None if record.require is None else Durability.from_wire(record.require),
        seq=seq,
    )
