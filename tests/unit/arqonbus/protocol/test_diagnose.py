"""A refused frame is answered with its most telling fault, under its id if that can be read."""

from __future__ import annotations

import msgspec
import pytest
from unit.arqonbus.protocol.reading import CODECS, written

from arqonbus.errors import ArqonBusError, ErrorCode
from arqonbus.protocol.codec import Codec, diagnose

JSON, MSGPACK = CODECS
each_codec = pytest.mark.parametrize("made", CODECS, ids=lambda codec: codec.subprotocol)


def refusal_of(made: Codec, data: str | bytes) -> tuple[ArqonBusError, str | None]:
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError, RecursionError)) as refused:
        made.decode(data)
    return diagnose(made, data, refused.value)


@each_codec
@pytest.mark.parametrize(
    ("frame", "code", "says"),
    [
        ({"type": "message", "version": "2.0"}, ErrorCode.UNSUPPORTED_VERSION, "version 1.0 only"),
        ({"type": "nonsense", "version": "2.0"}, ErrorCode.UNSUPPORTED_VERSION, "version 1.0"),
        ({"type": "message", "version": [1]}, ErrorCode.UNSUPPORTED_VERSION, "version 1.0"),
        ({"type": "telemetry"}, ErrorCode.UNKNOWN_TYPE, "'telemetry' is reserved"),
        ({"type": "operator.join"}, ErrorCode.UNKNOWN_TYPE, "'operator.join' is reserved"),
        ({"type": "nonsense"}, ErrorCode.UNKNOWN_TYPE, "message, command, response"),
        ({"type": ["message"]}, ErrorCode.UNKNOWN_TYPE, "must be one of"),
        ({}, ErrorCode.UNKNOWN_TYPE, "must be one of"),
        (
            {"type": "message", "payload": 1, "sender": "c_evil"},
            ErrorCode.VALIDATION_ERROR,
            "sender is stamped by the server",
        ),
        ({"type": "message"}, ErrorCode.VALIDATION_ERROR, "`payload`"),
        ({"type": "message", "payload": 1, "qos": 5}, ErrorCode.VALIDATION_ERROR, "qos"),
        ({"type": "command", "command": 5}, ErrorCode.VALIDATION_ERROR, "command"),
        ([], ErrorCode.VALIDATION_ERROR, "not an envelope"),
    ],
    ids=repr,
)
def test_the_fault_is_named(made: Codec, frame: object, code: ErrorCode, says: str) -> None:
    data = written(made, frame)
    error, request_id = refusal_of(made, data if made.binary else data.decode())
    assert (error.code, request_id, error.retryable) == (code, None, False)
    assert says in error.message


@each_codec
@pytest.mark.parametrize(
    ("given_id", "answered"),
    [("mine", "mine"), ("a" * 64, "a" * 64), ("a" * 65, None), ("a b", None), ("a\n", None)]
    + [(wrong, None) for wrong in ("", 5, None, ["x"])],
)
def test_the_answer_names_the_request_if_it_may(
    made: Codec, given_id: object, answered: str | None
) -> None:
    data = written(made, {"type": "message", "id": given_id})
    _, request_id = refusal_of(made, data if made.binary else data.decode())
    assert request_id == answered


def test_a_frame_nested_too_deeply_is_told_so() -> None:
    for made, data in ((JSON, "[" * 5000), (MSGPACK, b"\x91" * 5000)):
        error, request_id = diagnose(made, data, RecursionError())
        assert (error.code, request_id) == (ErrorCode.VALIDATION_ERROR, None)
        assert error.message == "nested too deeply"


@pytest.mark.parametrize("depth", [5000, 100_000])
def test_a_payload_nested_too_deeply_is_no_envelope_but_no_fault_either(depth: int) -> None:
    text = '{"type":"message","payload":' + "[" * depth
    packed = b"\x82\xa4type\xa7message\xa7payload" + b"\x91" * depth
    for made, data in ((JSON, text), (MSGPACK, packed)):
        error, request_id = refusal_of(made, data)
        assert (error.code, request_id) == (ErrorCode.VALIDATION_ERROR, None)
        assert error.message == "nested too deeply"
