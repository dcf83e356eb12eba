"""No bytes make a codec fail in another way than documented, and what it takes can be carried."""

from __future__ import annotations

import json

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st
from unit.arqonbus.protocol.reading import (
    CODECS,
    PLAIN,
    SIGNED,
    STAMPED,
    VALUES,
    exact,
    unframed,
)

from arqonbus.bus.fanout import binary_frames
from arqonbus.errors import ArqonBusError, ErrorCode
from arqonbus.model.address import Address
from arqonbus.model.durability import Durability
from arqonbus.protocol import wire
from arqonbus.protocol.codec import Codec, diagnose
from arqonbus.protocol.inbound import ABSENT, ClientFrame, Publish
from arqonbus.routing.hub import Channel

JSON, MSGPACK = CODECS
CHANNEL = Channel(Address("r", "c"), "e1", Durability.MEMORY)

FIELDS = st.sampled_from(["type", "payload", "id", "version", "sender", "command", "args", "qos"])
TAGS = st.sampled_from(["message", "command", "response", "telemetry"])
ODD = st.recursive(
    PLAIN
    | st.binary(max_size=5)
    | st.builds(msgspec.msgpack.Ext, st.integers(-128, 127), st.binary()),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.integers(-(2**63), 2**64 - 1) | st.binary() | st.text(), inner, max_size=3
        )
    ),
    max_leaves=8,
)
OBJECTS = st.dictionaries(FIELDS, ODD, max_size=4) | st.builds(
    lambda tag, more: {"type": tag, "payload": None} | more,
    TAGS,
    st.dictionaries(FIELDS, ODD, max_size=2),
)


@st.composite
def damaged(draw: st.DrawFn, source: st.SearchStrategy[bytes]) -> bytes:
    """Bytes near a valid envelope: cut, changed or with something put in."""
    data = draw(source)
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 3)))
        data = data[:start] + draw(st.binary(max_size=3)) + data[end:]
    return data


def packed_frames() -> st.SearchStrategy[bytes]:
    return damaged(OBJECTS.map(msgspec.msgpack.encode)) | st.binary()


def text_frames() -> st.SearchStrategy[str]:
    texts = st.dictionaries(FIELDS, VALUES | TAGS, max_size=4).map(json.dumps)
    near = damaged(texts.map(str.encode)).map(lambda data: data.decode(errors="replace"))
    return near | st.text()


def taken(made: Codec, data: str | bytes) -> ClientFrame | None:
    """The frame, or None if it was refused by a documented error that can be answered."""
    try:
        return made.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        refusal, request_id = diagnose(made, data, error)
        assert request_id is None or isinstance(request_id, str)
        assert refusal.code in {
            ErrorCode.VALIDATION_ERROR,
            ErrorCode.UNKNOWN_TYPE,
            ErrorCode.UNSUPPORTED_VERSION,
        }
        assert refusal.message.encode()
        return None


def accepted(made: Codec, raw: msgspec.Raw) -> bytes | None:
    """The message's body, or None if the payload was refused for what it is."""
    try:
        return made.message_body(STAMPED, b"m1", SIGNED, raw)
    except ArqonBusError as error:
        if error.code is not ErrorCode.VALIDATION_ERROR:
            raise
        return None


def answered(made: Codec, data: str | bytes) -> None:
    """Take a frame as the bus does: whatever is accepted must be carried by both codecs."""
    frame = taken(made, data)
    if frame is None:
        return
    raw = frame.payload if isinstance(frame, Publish) else frame.metadata
    if raw is ABSENT:
        return
    body = accepted(made, raw)
    if body is None:
        return
    text = wire.message_json(CHANNEL.head, 1, body)
    ((_, packed),) = unframed(binary_frames(CHANNEL, [body], 1))
    assert exact(msgspec.msgpack.decode(packed)["payload"]) == exact(json.loads(text)["payload"])


@given(packed_frames())
@example(b"\x81\xa4type\x81\x80\x01")
@example(b"\x81\xa2id\x81\x91\x80\x01")
@example(b"\x91" * 3000)
@example(b"\xdf\xff\xff\xff\xff")
def test_any_bytes_are_taken_or_refused_as_documented(data: bytes) -> None:
    answered(MSGPACK, data)


@given(text_frames())
@example("[" * 3000)
@example('{"type":' + "1" * 5000 + "}")
@example('{"id":' + "[" * 3000)
def test_any_text_is_taken_or_refused_as_documented(text: str) -> None:
    answered(JSON, text)


@given(st.binary())
@example(b'{"type":"command","command":"\xff"}')
def test_bytes_that_are_no_text_are_refused_as_documented(data: bytes) -> None:
    taken(JSON, data)
