"""From a committed batch to the outboxes: one encoding per channel and codec, shared by all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from arqonbus.protocol import VERSION, wire
from arqonbus.protocol.outbound import Notice

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from arqonbus.bus.ticks import Tick
    from arqonbus.routing.hub import Channel

_decode = msgspec.json.Decoder().decode
_encode = msgspec.msgpack.Encoder().encode
_encode_json = msgspec.json.Encoder().encode


def fan_out(channel: Channel, bodies: Sequence[bytes], first_seq: int) -> int:
    """Queue committed messages for every subscriber; how many deliveries that were."""
    last_seq = first_seq + len(bodies) - 1
    if channel.text:
        chunk = wire.message_frames(channel.head, first_seq, bodies)
        for subscriber in tuple(channel.text):
            subscriber.deliver(channel, chunk, first_seq, last_seq)
    if channel.binary:
        chunk = binary_frames(channel, bodies, first_seq)
        for subscriber in tuple(channel.binary):
            subscriber.deliver(channel, chunk, first_seq, last_seq)
    return channel.subscribers * len(bodies)


def binary_frames(channel: Channel, bodies: Sequence[bytes], first_seq: int) -> bytes:
    """The MessagePack frames of consecutive messages, joined."""
    return b"".join(
        wire.server_frame(_encode(_decode(wire.message_json(channel.head, seq, body))), binary=True)
        for seq, body in enumerate(bodies, first_seq)
    )


def chunk_for(channel: Channel, bodies: Sequence[bytes], first_seq: int, *, binary: bool) -> bytes:
    """The frames of consecutive messages for one subscriber's codec."""
    if binary:
        return binary_frames(channel, bodies, first_seq)
    return wire.message_frames(channel.head, first_seq, bodies)


def notice_chunk(tick: Tick, payload: Mapping[str, object], *, binary: bool) -> bytes:
    """The frame of a notice to those who have joined a channel."""
    notice = Notice(
        version=VERSION,
        id=tick.mint().decode(),
        timestamp=tick.text.decode(),
        payload=dict(payload),
    )
    return wire.server_frame(_encode(notice) if binary else _encode_json(notice), binary=binary)
