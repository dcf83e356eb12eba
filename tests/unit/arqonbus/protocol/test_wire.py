"""Frames are those of RFC 6455, and the fast paths' JSON says what the structs say."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from unit.arqonbus.protocol.reading import STAMPED, VALUES, body_of, exact, unframed

from arqonbus.protocol import wire
from arqonbus.protocol.json_codec import JsonCodec
from arqonbus.protocol.outbound import Ack, Message, Task

HEAD = wire.channel_head("room", "channel", "e1", "disk")
BORDERS = (0, 1, 125, 126, 127, 65535, 65536, 70000)


def length_field(size: int) -> bytes:
    """RFC 6455, section 5.2: the minimal number of bytes must be used."""
    if size <= 125:
        return bytes([size])
    if size <= 0xFFFF:
        return b"\x7e" + size.to_bytes(2, "big")
    return b"\x7f" + size.to_bytes(8, "big")


@pytest.mark.parametrize("size", BORDERS)
@pytest.mark.parametrize("binary", [False, True])
def test_another_implementation_reads_a_frame(size: int, binary: bool) -> None:
    payload = b"a1" * (size // 2) + b"z" * (size % 2)
    assert unframed(wire.server_frame(payload, binary=binary)) == [(2 if binary else 1, payload)]


@given(st.integers(0, 140_000), st.booleans())
@example(125, False)
@example(126, False)
@example(255, True)
@example(256, True)
@example(65535, False)
@example(65536, False)
def test_a_frame_has_the_shortest_length_and_no_mask(size: int, binary: bool) -> None:
    head = bytes([0x82 if binary else 0x81]) + length_field(size)
    assert wire.server_frame(bytes(size), binary=binary) == head + bytes(size)


@given(
    st.sampled_from([1, 2, 8, 9, 10, 98, 99, 100, 998, 10**6 - 2, 10**12 - 1, 2**62])
    | st.integers(1, 10**6),
    st.lists(st.sampled_from([0, 1, 2, 30, 31, 200]) | st.integers(0, 300), max_size=25),
)
@example(1, [20] * 120)
@example(99_995, [9] * 10)
def test_frames_of_a_row_equal_frames_one_by_one(first: int, sizes: list[int]) -> None:
    bodies = [b"x" * size for size in sizes]
    singly = [
        wire.server_frame(wire.message_json(HEAD, seq, body))
        for seq, body in enumerate(bodies, first)
    ]
    assert wire.message_frames(HEAD, first, bodies) == b"".join(singly)


@pytest.mark.parametrize("limit", [126, 65536])
@pytest.mark.parametrize("first", [1, 9, 96])
def test_rows_across_a_length_border_are_framed_right(limit: int, first: int) -> None:
    fixed = len(wire.message_json(b"h", first, b""))
    bodies = [b"y" * (limit - fixed + more) for more in (-3, -2, -1, 0, 1, 2, -1, 0)]
    frames = unframed(wire.message_frames(b"h", first, bodies))
    expected = [(1, b"h%d,%b}" % (seq, body)) for seq, body in enumerate(bodies, first)]
    assert frames == expected


@given(VALUES, st.integers(1, 2**63 - 1))
def test_a_delivery_is_a_message_envelope(payload: object, seq: int) -> None:
    text = wire.message_json(HEAD, seq, body_of(JsonCodec(), payload))
    message = msgspec.json.decode(text, type=Message)
    assert (message.room, message.channel, message.epoch) == ("room", "channel", "e1")
    assert (message.durability, message.seq, message.version) == ("disk", seq, "1.0")
    assert (message.id, message.sender) == ("m1", "c_1")
    assert message.timestamp == "2026-01-01T12:00:00.000000Z"
    assert exact(json.loads(text)["payload"]) == exact(payload)
    assert "metadata" not in json.loads(text)


def test_a_receipt_is_an_ack_envelope() -> None:
    head = wire.ack_head("room", "channel", "e1", "memory")
    text = wire.ack_json(head, 7, b"a1", b"2026-01-01T12:00:00.000000Z", b"mine")
    assert msgspec.json.decode(text, type=Ack) == Ack(
        version="1.0",
        id="a1",
        timestamp="2026-01-01T12:00:00.000000Z",
        request_id="mine",
        durability="memory",
        room="room",
        channel="channel",
        seq=7,
        epoch="e1",
    )
    assert set(json.loads(text)) == {"type", *Ack.__struct_fields__} - {"to", "deliver_at"}


def test_a_receipt_for_later_has_a_time_and_no_position() -> None:
    text = wire.later_json(
        ("room", "channel"),
        "disk",
        "2026-01-02T12:00:00.000000Z",
        id=b"a1",
        timestamp=b"2026-01-01T12:00:00.000000Z",
        request_id=b"mine",
    )
    assert msgspec.json.decode(text, type=Ack) == Ack(
        version="1.0",
        id="a1",
        timestamp="2026-01-01T12:00:00.000000Z",
        request_id="mine",
        durability="disk",
        room="room",
        channel="channel",
        deliver_at="2026-01-02T12:00:00.000000Z",
    )


def test_a_task_is_a_message_with_what_its_worker_must_know() -> None:
    body = wire.stamp(b"2026-01-01T12:00:00.000000Z") + b'm1","sender":"c_1","payload":[1]'
    head = wire.task_head("room", "channel", "e1", "disk", "g")
    deadline = b"2026-01-01T12:00:30.000000Z"
    assert msgspec.json.decode(wire.task_json(head, 7, 2, deadline, body), type=Task) == Task(
        version="1.0",
        id="m1",
        timestamp="2026-01-01T12:00:00.000000Z",
        room="room",
        channel="channel",
        group="g",
        seq=7,
        epoch="e1",
        durability="disk",
        attempt=2,
        deadline=deadline.decode(),
        sender="c_1",
        payload=[1],
    )


def test_a_note_in_the_metadata_leaves_the_rest_as_it_is() -> None:
    start = wire.stamp(b"2026-01-01T12:00:00.000000Z") + b'm1","sender":"c_1"'
    plain = start + b',"payload":{"a": 1.0}'
    assert (
        wire.with_note(plain, "why", b"2") == start + b',"metadata":{"why":2},"payload":{"a": 1.0}'
    )
    noted = start + b',"metadata":{"k":[1, 2],"why":1},"payload":null'
    assert wire.with_note(noted, "why", b"2") == (
        start + b',"metadata":{"k":[1, 2],"why":2},"payload":null'
    )


def test_a_note_keeps_the_receipt_of_an_inspection() -> None:
    start = wire.stamp(b"2026-01-01T12:00:00.000000Z") + b"m1"
    receipt = b'{"policy":"p"}'
    signed = wire.with_inspection(wire.signature(b"c_1"), receipt)
    assert wire.with_note(start + signed + b',"payload":1', "why", b"2") == (
        start + b'","sender":"c_1","metadata":{"why":2},"inspection":{"policy":"p"},"payload":1'
    )


def test_metadata_comes_between_the_sender_and_the_payload() -> None:
    signed = wire.with_metadata(wire.signature(b"c_9"), b'{"sender":"c_evil"}')
    body = JsonCodec().message_body(STAMPED, b"m1", signed, msgspec.Raw(b'"p"'))
    assert json.loads(b"{%b}" % body) == {
        "timestamp": "2026-01-01T12:00:00.000000Z",
        "id": "m1",
        "sender": "c_9",
        "metadata": {"sender": "c_evil"},
        "payload": "p",
    }
    assert wire.body_sender(body) == "c_9"


def test_the_sender_of_a_body_is_not_what_its_payload_says() -> None:
    body = body_of(JsonCodec(), {"sender": "c_evil", "x": '"sender":"c_evil"'})
    assert wire.body_sender(body) == "c_1"


@given(VALUES)
def test_the_payload_of_a_body_is_found_byte_for_byte_whatever_its_metadata_says(
    value: object,
) -> None:
    written = json.dumps(value, indent=1).encode()
    signed = wire.with_metadata(wire.signature(b"c_1"), b'{"payload":{"payload":1}}')
    body = JsonCodec().message_body(STAMPED, b"m1", signed, msgspec.Raw(written))
    assert wire.body_payload(body) == written


def test_what_is_no_body_has_no_payload() -> None:
    for body in (b"", b'"sender":"c_1"', b'"payload":'):
        with pytest.raises(msgspec.DecodeError):
            wire.body_payload(body)
