"""What clients may send is strict, in both codecs alike."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.arqonbus.protocol.reading import CODECS, VALUES, written

from arqonbus.protocol.codec import Codec
from arqonbus.protocol.inbound import (
    ABSENT,
    CLIENT_TYPES,
    RESERVED_TYPES,
    CommandCall,
    DirectResponse,
    Publish,
)

PUBLISH: dict[str, object] = {"type": "message", "room": "r", "channel": "c", "payload": 1}
COMMAND: dict[str, object] = {"type": "command", "command": "status"}
RESPONSE: dict[str, object] = {"type": "response", "to": "c_1", "request_id": "q", "payload": 1}
FRAMES = (PUBLISH, COMMAND, RESPONSE)
KNOWN = {
    "message": set(Publish.__struct_fields__),
    "command": set(CommandCall.__struct_fields__),
    "response": set(DirectResponse.__struct_fields__),
}

each_codec = pytest.mark.parametrize("made", CODECS, ids=lambda codec: codec.subprotocol)
each_frame = pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: frame["type"])


def decoded(made: Codec, frame: object) -> object:
    data = written(made, frame)
    return made.decode(data if made.binary else data.decode())


def test_every_served_type_has_a_struct_and_no_reserved_one_does() -> None:
    assert set(CLIENT_TYPES) == set(KNOWN)
    assert not RESERVED_TYPES & set(CLIENT_TYPES)


@each_codec
def test_a_publish_is_read_with_all_it_says(made: Codec) -> None:
    said = {"id": "m", "qos": 0, "require": "disk", "timestamp": "t", "metadata": {}, "to": "x"}
    frame = decoded(made, PUBLISH | said | {"request_id": "q", "version": "1.0"})
    assert isinstance(frame, Publish)
    assert (frame.room, frame.channel, frame.id, frame.qos) == ("r", "c", "m", 0)
    assert (frame.require, frame.timestamp, frame.to) == ("disk", "t", "x")
    assert (frame.request_id, frame.version) == ("q", "1.0")
    assert bytes(frame.payload) == written(made, 1)
    assert bytes(frame.metadata) == written(made, {})


@each_codec
def test_a_publish_wants_a_receipt_unless_it_says_otherwise(made: Codec) -> None:
    frame = decoded(made, {"type": "message", "payload": None})
    assert isinstance(frame, Publish)
    assert (frame.qos, frame.require, frame.id, frame.to) == (1, None, "", "")
    assert frame.metadata is ABSENT
    assert bytes(frame.payload) == written(made, None)


@each_codec
def test_a_command_and_a_response_are_read(made: Codec) -> None:
    call = decoded(made, COMMAND | {"args": {"a": 1}, "id": "k"})
    assert isinstance(call, CommandCall)
    assert (call.command, call.id, bytes(call.args)) == ("status", "k", written(made, {"a": 1}))
    answer = decoded(made, RESPONSE | {"status": "error"})
    assert isinstance(answer, DirectResponse)
    assert (answer.to, answer.request_id, answer.status) == ("c_1", "q", "error")


@each_codec
@each_frame
@given(data=st.data())
def test_unknown_fields_are_refused(
    made: Codec, frame: dict[str, object], data: st.DataObject
) -> None:
    known = KNOWN[str(frame["type"])] | {"type"}
    name = data.draw(
        st.sampled_from(["sender", "seq", "epoch", "durability", "Room", "room "])
        | st.text().filter(lambda text: text not in known)
    )
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        decoded(made, frame | {name: data.draw(VALUES)})


@each_codec
@pytest.mark.parametrize(
    "wrong",
    [
        *({"qos": qos} for qos in (2, -1, True, "1", None, 0.5)),
        *({"require": level} for level in ("DISK", "", "disc", 3)),
        *({"room": name} for name in (1, None, ["r"])),
        *({"version": version} for version in ("1", "1.1", "2.0", 1.0, None)),
        *({"id": name} for name in (7, None)),
        *({"to": name} for name in (7, None)),
        *({"request_id": name} for name in ("", "a b", "a" * 65, 'a"b', "é")),
        *({"type": name} for name in ("messages", "Message", "", 1, None, "telemetry")),
    ],
    ids=repr,
)
def test_a_publish_with_a_wrong_value_is_refused(made: Codec, wrong: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        decoded(made, PUBLISH | wrong)


@each_codec
@each_frame
@pytest.mark.parametrize("wrong", ["", "a b", "a" * 65, 'a"b', "\u0663"])
def test_ids_that_are_answered_to_are_checked(
    made: Codec, frame: dict[str, object], wrong: str
) -> None:
    field = "request_id" if frame is RESPONSE else "id"
    if frame is PUBLISH:
        assert isinstance(decoded(made, frame | {"id": wrong}), Publish)  # by the bus, later
        return
    assert decoded(made, frame | {field: "A-z_0.9:" + "x" * 56})
    with pytest.raises(msgspec.ValidationError):
        decoded(made, frame | {field: wrong})


@each_codec
@pytest.mark.parametrize(
    ("frame", "missing"),
    [
        (PUBLISH, "payload"),
        (COMMAND, "command"),
        (RESPONSE, "to"),
        (RESPONSE, "request_id"),
        (RESPONSE, "payload"),
        (PUBLISH, "type"),
    ],
)
def test_what_must_be_there_must_be_there(
    made: Codec, frame: dict[str, object], missing: str
) -> None:
    rest = {name: value for name, value in frame.items() if name != missing}
    with pytest.raises(msgspec.ValidationError, match="missing required field"):
        decoded(made, rest)


@each_codec
@given(value=VALUES.filter(lambda value: not isinstance(value, dict)))
def test_an_envelope_is_an_object(made: Codec, value: object) -> None:
    with pytest.raises(msgspec.ValidationError):
        decoded(made, value)


@each_codec
@each_frame
def test_one_frame_holds_one_envelope(made: Codec, frame: dict[str, object]) -> None:
    twice = written(made, frame) + written(made, frame)
    with pytest.raises(msgspec.DecodeError):
        made.decode(twice if made.binary else twice.decode())
