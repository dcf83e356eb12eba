"""Both codecs carry the same values and refuse the same."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from unit.arqonbus.protocol.reading import (
    CODECS,
    SIGNED,
    STAMPED,
    VALUES,
    body_of,
    exact,
    unframed,
    written,
)

from arqonbus.bus.fanout import binary_frames
from arqonbus.errors import ArqonBusError, ErrorCode
from arqonbus.model.address import Address
from arqonbus.model.durability import Durability
from arqonbus.protocol import wire
from arqonbus.protocol.codec import Codec
from arqonbus.protocol.inbound import ABSENT, Publish
from arqonbus.protocol.outbound import Notice
from arqonbus.routing.hub import Channel

JSON, MSGPACK = CODECS
CHANNEL = Channel(Address("r", "c"), "e1", Durability.MEMORY)

each_codec = pytest.mark.parametrize("made", CODECS, ids=lambda codec: codec.subprotocol)


class Arguments(msgspec.Struct, forbid_unknown_fields=True):
    count: int = 3


@given(VALUES)
@example({"é\u2028\x00": ['"\\/\n', -0.0, 1e16, 5e-324, 2**64 - 1, -(2**63)]})
def test_a_payload_survives_the_way_through_both_codecs(value: object) -> None:
    packed = unframed(binary_frames(CHANNEL, [body_of(JSON, value)], 5))
    assert [opcode for opcode, _ in packed] == [2]
    delivered = msgspec.msgpack.decode(packed[0][1])
    assert exact(delivered["payload"]) == exact(value)
    assert (delivered["seq"], delivered["id"], delivered["type"]) == (5, "m1", "message")
    back = body_of(MSGPACK, delivered["payload"])
    text = json.loads(wire.message_json(CHANNEL.head, 5, back))
    assert exact(text["payload"]) == exact(value)


@each_codec
@given(value=VALUES)
def test_both_ways_to_check_a_value_agree(made: Codec, value: object) -> None:
    raw = msgspec.Raw(written(made, value))
    checked = made.value_json(raw)
    assert exact(json.loads(checked)) == exact(value)
    body = made.message_body(STAMPED, b"m1", SIGNED, raw)
    assert body == b'%bm1%b,"payload":%b' % (STAMPED, SIGNED, checked)


@given(VALUES)
def test_json_is_kept_as_the_client_wrote_it(value: object) -> None:
    text = json.dumps(value, indent=1, ensure_ascii=True).encode()
    assert JSON.value_json(msgspec.Raw(text)) == text


@each_codec
@given(value=st.dictionaries(st.text(), VALUES, max_size=4))
def test_a_server_envelope_is_the_same_in_both_codecs(
    made: Codec, value: dict[str, object]
) -> None:
    notice = Notice(version="1.0", id="i", timestamp="t", payload=value)
    encoded = made.encode(notice)
    turned = made.from_json(JSON.encode(notice))
    for data in (encoded, turned):
        read = msgspec.msgpack.decode(data) if made.binary else json.loads(data)
        assert exact(read.pop("payload")) == exact(value)
        assert read == {"type": "notice", "version": "1.0", "id": "i", "timestamp": "t"}


@each_codec
def test_arguments_that_were_left_out_are_an_empty_object(made: Codec) -> None:
    assert made.args(ABSENT, Arguments) == Arguments()
    assert made.args(msgspec.Raw(written(made, {"count": 5})), Arguments) == Arguments(5)


@each_codec
@pytest.mark.parametrize("wrong", [{"count": "5"}, {"other": 1}, [], None, {"count": 1.5}, 7])
def test_wrong_arguments_are_refused(made: Codec, wrong: object) -> None:
    with pytest.raises(ArqonBusError) as refused:
        made.args(msgspec.Raw(written(made, wrong)), Arguments)
    assert refused.value.code is ErrorCode.VALIDATION_ERROR
    assert refused.value.message.startswith("args: ")


@pytest.mark.parametrize(
    "payload",
    [
        "1e400",
        "[-1e400]",
        '[1e400,""]',
        "18446744073709551616",
        "-9223372036854775809",
        "1" * 5000,
        '{"a":[18446744073709551616]}',
    ],
    ids=lambda text: text[:12],
)
def test_json_numbers_that_messagepack_can_not_carry_are_refused(payload: str) -> None:
    frame = JSON.decode(f'{{"type":"message","payload":{payload}}}')
    assert isinstance(frame, Publish)
    for check in (JSON.value_json, lambda raw: JSON.message_body(STAMPED, b"m", SIGNED, raw)):
        with pytest.raises(ArqonBusError) as refused:
            check(frame.payload)
        assert refused.value.code is ErrorCode.VALIDATION_ERROR


@pytest.mark.parametrize("text", ['"\\ud800"', '"\\udc00"', '"\\q"', "NaN", "01", '"\n"', "[1,]"])
def test_what_is_no_json_does_not_even_decode(text: str) -> None:
    with pytest.raises(msgspec.DecodeError):
        JSON.decode(f'{{"type":"message","payload":{text}}}')


@pytest.mark.parametrize(
    "packed",
    [
        b"\xcb\x7f\xf8" + bytes(6),  # NaN
        b"\xcb\xff\xf0" + bytes(6),  # -infinity
        b"\xc4\x01a",  # bin
        b"\xd4\x05\x00",  # ext
        b"\xd6\xff" + bytes(4),  # timestamp
        b"\x81\xc0\x01",  # a map with nil as key
        b"\x81\x01\x01",  # with a number
        b"\x81\x80\x01",  # with a map
        b"\x81\xc4\x01a\x01",  # with bin
        b"\xa1\xff",  # not UTF-8
        b"\xa3\xed\xa0\x80",  # a surrogate
        b"\x91\xc4\x00",  # bin inside an array
        b"\xdd\xff\xff\xff\xff",  # an array that says it is huge
        b"\x91" * 5000 + b"\x01",
    ],
    ids=lambda packed: packed[:4].hex(),
)
def test_messagepack_that_json_can_not_carry_is_refused(packed: bytes) -> None:
    for check in (MSGPACK.value_json, lambda raw: MSGPACK.message_body(STAMPED, b"m", SIGNED, raw)):
        with pytest.raises(ArqonBusError) as refused:
            check(msgspec.Raw(packed))
        assert refused.value.code is ErrorCode.VALIDATION_ERROR


def test_messagepack_does_not_come_in_text_frames() -> None:
    for read in (MSGPACK.decode, MSGPACK.decode_head):
        with pytest.raises(msgspec.DecodeError, match="binary frame"):
            read('{"type":"command","command":"status"}')
