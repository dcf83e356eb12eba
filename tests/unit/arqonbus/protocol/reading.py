"""Independent readers of what the bus writes, and the values that both codecs must carry."""

from __future__ import annotations

import json

import msgspec
from hypothesis import strategies as st
from websockets.frames import Frame
from websockets.streams import StreamReader

from arqonbus.protocol import wire
from arqonbus.protocol.codec import Codec
from arqonbus.protocol.json_codec import JsonCodec
from arqonbus.protocol.msgpack_codec import MsgpackCodec

CODECS: tuple[Codec, ...] = (JsonCodec(), MsgpackCodec())
STAMPED = wire.stamp(b"2026-01-01T12:00:00.000000Z")
SIGNED = wire.signature(b"c_1")

PLAIN = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def exact(value: object) -> str:
    """A text that differs for values that compare equal, such as 1, 1.0 and true."""
    return json.dumps(value)


def written(codec: Codec, value: object) -> bytes:
    """A client's envelope or value in a codec's bytes."""
    return msgspec.msgpack.encode(value) if codec.binary else json.dumps(value).encode()


def body_of(codec: Codec, value: object, message_id: bytes = b"m1") -> bytes:
    """The body of a message with this payload, as published through `codec`."""
    return codec.message_body(STAMPED, message_id, SIGNED, msgspec.Raw(written(codec, value)))


def unframed(data: bytes) -> list[tuple[int, bytes]]:
    """Opcodes and payloads of whole, unmasked frames, as another implementation reads them."""
    stream = StreamReader()
    stream.feed_data(data)
    found = []
    while stream.buffer:
        parsing = Frame.parse(stream.read_exact, mask=False)
        try:
            next(parsing)
        except StopIteration as parsed:
            frame: Frame = parsed.value
        else:
            raise AssertionError("half a frame")
        assert (frame.fin, frame.rsv1, frame.rsv2, frame.rsv3) == (True, False, False, False)
        found.append((int(frame.opcode), bytes(frame.data)))
    return found
