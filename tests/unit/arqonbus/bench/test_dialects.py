from __future__ import annotations

import json
from typing import Literal

import msgspec
import pytest

from arqonbus.bench.dialects import ArqonDialect, NatsDialect
from arqonbus.bench.errors import BenchError
from arqonbus.bench.plan import Plan
from arqonbus.protocol import wire
from arqonbus.protocol.json_codec import JsonCodec

CodecName = Literal["json", "msgpack"]


def plan(codec: CodecName = "json", qos: Literal[0, 1] = 0) -> Plan:
    return Plan(scenario="fanout", server="arqonbus", port=1, pid=1, codec=codec, qos=qos)


def unmasked(frame: bytes) -> bytes:
    head = {126: 4, 127: 10}.get(frame[1] & 0x7F, 2)
    key = frame[head]
    return bytes(value ^ key for value in frame[head + 4 :])


@pytest.mark.parametrize("number", [0, 7, 777_777_777_777])
def test_a_publish_carries_its_number(number: int) -> None:
    frame = json.loads(unmasked(ArqonDialect(plan()).publish(number, 1)))
    assert int(frame["payload"][:12]) == number
    assert len(frame["payload"]) == 128
    assert (frame["qos"], "id" in frame) == (0, False)


def test_two_publishers_never_share_an_id() -> None:
    frames = [ArqonDialect(plan(qos=1)).publish(3, 1) for _ in range(2)]
    first, second = (json.loads(unmasked(frame))["id"] for frame in frames)
    assert first != second


def test_a_msgpack_publish_is_one() -> None:
    frame = msgspec.msgpack.decode(unmasked(ArqonDialect(plan("msgpack", 1)).publish(5, 1)))
    assert int(frame["payload"][:12]) == 5
    assert frame["id"].endswith("000000000005")


@pytest.mark.parametrize("codec", ["json", "msgpack"])
def test_the_number_of_a_delivery_is_found(codec: CodecName) -> None:
    dialect = ArqonDialect(plan(codec))
    payload = msgspec.Raw(json.dumps(f"{42:012d}" + "x" * 116).encode())
    head = wire.channel_head("bench", "load", "e", "memory")
    body = JsonCodec().message_body(wire.stamp(b"t"), b"m", wire.signature(b"s"), payload)
    text = wire.message_json(head, 9, body)
    data = text if codec == "json" else msgspec.msgpack.encode(json.loads(text))
    assert dialect.numbers(data) == [42]


@pytest.mark.parametrize("frame", [{"type": "error"}, {"type": "gap"}])
def test_anything_but_a_message_stops_the_run(frame: dict[str, object]) -> None:
    with pytest.raises(BenchError, match="not a message"):
        ArqonDialect(plan()).numbers(json.dumps(frame).encode())


def test_a_refusal_stops_the_run() -> None:
    frame = {"type": "error", "error_code": "CONFLICT", "error": "no"}
    with pytest.raises(BenchError, match="CONFLICT"):
        ArqonDialect(plan()).answers(json.dumps(frame).encode())


@pytest.mark.parametrize("cut", [0, 1, 30, 180])
def test_nats_deliveries_may_be_cut_anywhere(cut: int) -> None:
    dialect = NatsDialect(plan())
    stream = b"".join(b"MSG bench.load 1 128\r\n%012d%b\r\n" % (n, b"x" * 116) for n in range(3))
    assert dialect.numbers(stream[:cut]) + dialect.numbers(stream[cut:]) == [0, 1, 2]


def test_a_nats_ping_is_answered_and_not_counted() -> None:
    rest, answer = NatsDialect(plan()).chores(b"PING\r\nMSG")
    assert (rest, unmasked(answer)) == (b"MSG", b"PONG\r\n")


def test_a_nats_error_stops_the_run() -> None:
    with pytest.raises(BenchError, match="Slow"):
        NatsDialect(plan()).answers(b"-ERR 'Slow Consumer'\r\n")
