"""What a client is given: plain frozen data."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import msgspec

from arqonbus.client.errors import ProtocolViolationError
from arqonbus.protocol import outbound

Completeness = Literal["complete", "truncated", "unknown"]


class Position(NamedTuple):
    """A place in a stream: keep it to resume later. `epoch` may be None only with `seq` 0."""

    epoch: str | None
    seq: int


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message of a channel. `stored_at` is its commit's time, known of those in history;
    `inspection` is what the server's payload rules made of it, where there are any.
    """

    room: str
    channel: str
    epoch: str
    seq: int
    id: str
    sender: str
    timestamp: str
    durability: str
    payload: Any  # Any: a JSON value
    metadata: dict[str, Any] | None = None  # Any: a JSON object
    inspection: outbound.Inspection | None = None
    stored_at: str | None = None

    @property
    def position(self) -> Position:
        """Where it stands in its stream."""
        return Position(self.epoch, self.seq)


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """Positions `from_seq` to `to_seq`, both included, that this subscription will not get.

    The stream goes on after `to_seq`. `history` may still have them, unless `reason` is retention.
    """

    room: str
    channel: str
    epoch: str
    from_seq: int
    to_seq: int
    reason: str


class Lost(msgspec.Struct, frozen=True, kw_only=True):
    """The stream could not be resumed: what was missed after `since` is unknown.

    The subscription goes on after `now`, the stream's last position at that moment. With another
    epoch the old stream is gone; the new one's positions up to `now` are in `history`.
    """

    room: str
    channel: str
    since: Position
    now: Position


class Direct(msgspec.Struct, frozen=True, kw_only=True):
    """A message of another client to this one; it has no position."""

    id: str
    sender: str
    timestamp: str
    payload: Any  # Any: a JSON value
    metadata: dict[str, Any] | None = None  # Any: a JSON object
    inspection: outbound.Inspection | None = None


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What the server says of a publish: where it stands, and the durability really reached.

    `seq` and `epoch` are None for a direct message, and for one kept until `deliver_at`. With
    `sends` above 1 the message was sent again after a lost connection; the server drops the repeat
    if it still remembers the id.
    """

    id: str
    durability: str
    room: str | None
    channel: str | None
    epoch: str | None
    seq: int | None
    deliver_at: str | None = None
    sends: int


class HistoryPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of a channel's past, and whether the range it was asked for is all there."""

    messages: list[Message]
    complete: Completeness
    epoch: str
    first_seq: int
    last_seq: int
    next_after: int | None


class Joined(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a join's answer that the client acts on."""

    epoch: str
    seq: int
    first_seq: int | None = None
    recovered: Completeness | None = None


class Place(msgspec.Struct, frozen=True):
    """A position as the wire has it."""

    epoch: str
    seq: int


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a notice that a stream goes on in another epoch on which the client acts."""

    room: str
    channel: str
    now: Place


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a notice of access lost on which the client acts."""

    room: str
    channel: str
    group: str | None = None


def message_of(frame: outbound.Message) -> Message:
    """A channel delivery.

    Raises:
        ProtocolViolationError: it lacks its position.
    """
    if (
        frame.room is None
        or frame.channel is None
        or frame.epoch is None
        or frame.seq is None
        or frame.durability is None
    ):
        raise ProtocolViolationError(f"message {frame.id!r} came without its position")
    return Message(
        room=frame.room,
        channel=frame.channel,
        epoch=frame.epoch,
        seq=frame.seq,
        id=frame.id,
        sender=frame.sender,
        timestamp=frame.timestamp,
        durability=frame.durability,
        payload=frame.payload,
        metadata=frame.metadata,
        inspection=frame.inspection,
    )
