"""What is accepted into a tick's batch, and what is refused before it."""

from __future__ import annotations

import json

import msgspec
import pytest
from unit.arqonbus.bus.fakes import JSON, NOON, FakePeer, Stage

from arqonbus.config.limits import LimitSettings
from arqonbus.errors import ErrorCode
from arqonbus.model.address import Address
from arqonbus.model.durability import Durability
from arqonbus.protocol import wire
from arqonbus.protocol.inbound import ClientFrame, CommandCall, DirectResponse, Publish
from arqonbus.protocol.json_codec import JsonCodec
from arqonbus.protocol.msgpack_codec import MsgpackCodec

LEVELS = ["memory", "remote", "disk", "replicated"]


def bodies(stage: Stage) -> list[dict[str, object]]:
    """All that was handed to the store, as objects."""
    return [
        json.loads(b"{%b}" % body)
        for batch in stage.storage.batches
        for item in batch
        for body in item.bodies
    ]


def refusal(stage: Stage, peer: FakePeer) -> ErrorCode:
    """The one refusal of a turn in which nothing else was kept."""
    stage.turn()
    assert stage.storage.batches == []
    assert stage.bus.idle
    (error,) = peer.refused
    return error.code


def test_a_message_is_stored_with_its_id_sender_and_the_ticks_time() -> None:
    stage = Stage()
    peer = stage.peer("c_7")
    stage.send(peer, {"x": [1, "é"]}, id="mine")
    stage.turn()
    assert bodies(stage) == [
        {
            "timestamp": "2026-01-01T12:00:00.000000Z",
            "id": "mine",
            "sender": "c_7",
            "payload": {"x": [1, "é"]},
        }
    ]
    assert wire.body_sender(stage.storage.batches[0][0].bodies[0]) == "c_7"


def test_a_message_without_an_id_is_given_a_new_one() -> None:
    stage = Stage()
    peer = stage.peer()
    for _ in range(3):
        stage.send(peer)
    stage.settle()
    ids = [str(body["id"]) for body in bodies(stage)]
    assert ids == sorted(set(ids))
    assert all(one.startswith("arq_") for one in ids)
    assert [ack["request_id"] for ack in peer.acks] == ids


def test_a_client_may_give_a_time_and_metadata() -> None:
    stage = Stage()
    peer = stage.peer()
    stage.send(peer, 1, timestamp="2025-12-31T00:00:00Z", metadata={"k": [1]})
    stage.send(peer, 2)
    stage.turn()
    own, plain = bodies(stage)
    assert (own["timestamp"], own["metadata"]) == ("2025-12-31T00:00:00Z", {"k": [1]})
    assert own["sender"] == "c_1"
    assert plain["timestamp"] == "2026-01-01T12:00:00.000000Z"
    assert "metadata" not in plain


def test_payloads_of_both_codecs_are_stored_as_json() -> None:
    stage = Stage()
    frame: dict[str, object] = {"type": "message", "room": "r", "channel": "c"}
    value = {"a": [1.5, None, "x"]}
    for codec, write in ((JsonCodec(), json.dumps), (MsgpackCodec(), msgspec.msgpack.encode)):
        peer = stage.peer(codec.subprotocol, codec=codec)
        data: str | bytes = write(frame | {"payload": value})
        stage.bus.wake(peer)
        peer.inbox.append(codec.decode(data))
    stage.turn()
    assert [body["payload"] for body in bodies(stage)] == [value, value]


@pytest.mark.parametrize(
    "fields",
    [
        {"id": "a b"},
        {"id": "x" * 65},
        {"id": 'a"b'},
        {"id": "a\n"},
        {"timestamp": "yesterday"},
        {"timestamp": "2026-01-01T00:00:00"},
        {"timestamp": "2026-01-01T00:00:00+00:00"},
        {"timestamp": "2026-13-01T00:00:00Z"},
        {"timestamp": '2026-01-01T00:00:00","sender":"c_evil","x":"Z'},
        {"metadata": 1},
        {"metadata": [{}]},
        {"metadata": "{}"},
        {"metadata": {"n": 2**64}},
        {"payload": 2**64},
        {"payload": [-(2**63) - 1]},
        {"room": ""},
        {"room": "a b"},
        {"channel": ".c"},
    ],
    ids=repr,
)
def test_what_is_not_valid_is_refused_and_not_kept(fields: dict[str, object]) -> None:
    stage = Stage()
    peer = stage.peer()
    stage.send(peer, **fields)
    assert refusal(stage, peer) is ErrorCode.VALIDATION_ERROR


def test_a_refused_frame_keeps_those_around_it() -> None:
    stage = Stage()
    peer = stage.peer()
    stage.send(peer, 1, id="first")
    stage.send(peer, 2, id="not valid")
    stage.send(peer, 3, id="third")
    stage.settle()
    assert [error.code for error in peer.refused] == [ErrorCode.VALIDATION_ERROR]
    assert [(ack["request_id"], ack["seq"]) for ack in peer.acks] == [("first", 1), ("third", 2)]


def test_an_id_of_a_refused_message_may_be_used_again() -> None:
    stage = Stage()
    peer = stage.peer()
    stage.send(peer, 1, id="mine", require="replicated")
    stage.send(peer, 2, id="mine", metadata=0)
    stage.send(peer, 2**64, id="mine")
    stage.send(peer, 4, id="mine")
    stage.settle()
    assert len(peer.refused) == 3
    assert [(ack["request_id"], ack["seq"]) for ack in peer.acks] == [("mine", 1)]
    assert [body["payload"] for body in bodies(stage)] == [4]


@pytest.mark.parametrize("reached", Durability)
@pytest.mark.parametrize("required", LEVELS)
def test_no_more_than_the_stores_level_may_be_required(reached: Durability, required: str) -> None:
    stage = Stage(durability=reached)
    peer = stage.peer()
    stage.send(peer, require=required)
    if LEVELS.index(required) > LEVELS.index(reached.wire):
        assert refusal(stage, peer) is ErrorCode.DURABILITY_NOT_MET
        assert required in peer.refused[0].message
        assert reached.wire in peer.refused[0].message
        return
    stage.settle()
    assert peer.refused == []
    assert [ack["durability"] for ack in peer.acks] == [reached.wire]


def test_an_unknown_channel_is_refused_where_none_are_made() -> None:
    stage = Stage(auto_create=False)
    peer = stage.peer()
    stage.send(peer)
    assert refusal(stage, peer) is ErrorCode.NOT_FOUND


def test_a_channel_beyond_the_most_is_refused() -> None:
    stage = Stage(LimitSettings(max_channels=1))
    stage.hub.obtain(Address("r", "other"))
    peer = stage.peer()
    stage.send(peer)
    assert refusal(stage, peer) is ErrorCode.RATE_LIMITED


def test_a_channel_that_is_being_deleted_takes_nothing() -> None:
    stage = Stage()
    stage.hub.obtain(Address("r", "c")).deleting = True
    peer = stage.peer()
    stage.send(peer)
    assert refusal(stage, peer) is ErrorCode.CONFLICT
    assert peer.refused[0].retryable


def test_a_draining_bus_takes_nothing_new_but_finishes_what_it_took() -> None:
    stage = Stage()
    peer = stage.peer()
    draining = [stage.bus.draining]
    stage.send(peer, id="before")
    stage.turn()
    stage.bus.drain()
    stage.send(peer, id="after")
    stage.turn()
    (error,) = peer.refused
    assert (error.code, error.retryable) == (ErrorCode.STORAGE_UNAVAILABLE, True)
    assert [*draining, stage.bus.draining] == [False, True]
    stage.settle()
    assert [ack["request_id"] for ack in peer.acks] == ["before"]
    stage.send(peer, id="later")
    stage.settle()
    assert len(peer.refused) == 2
    assert len(bodies(stage)) == 1


def test_the_first_frame_that_is_no_channel_publish_is_handed_back() -> None:
    stage = Stage()
    peer = stage.peer()
    direct = Publish(payload=msgspec.Raw(b"1"), to="c_2")
    others: list[ClientFrame] = [
        CommandCall(command="status"),
        direct,
        DirectResponse(to="c_2", request_id="q", payload=msgspec.Raw(b"1")),
    ]
    for number, other in enumerate(others):
        stage.send(peer, number)
        peer.inbox.append(other)
    stage.turn()
    assert peer.other == others
    assert [body["payload"] for body in bodies(stage)] == [0, 1, 2]


def test_a_publish_outside_of_a_woken_turn_is_committed_at_the_end_of_this_one() -> None:
    stage = Stage()
    peer = stage.peer()
    stage.micros += 5
    frame = Publish(payload=msgspec.Raw(b"1"), room="r", channel="c")
    assert stage.bus.publish(peer, JSON, iter([frame])) is None
    assert len(stage.turns) == 1
    stage.micros += 3
    stage.turn()
    assert [body["timestamp"] for body in bodies(stage)] == ["2026-01-01T12:00:00.000005Z"]
    assert [item.timestamp for item in stage.storage.batches[0]] == [NOON + 8]


def test_the_time_of_a_message_is_that_of_its_turns_end() -> None:
    stage = Stage()
    stage.send(stage.peer())
    stage.micros += 7
    stage.turn()
    assert [body["timestamp"] for body in bodies(stage)] == ["2026-01-01T12:00:00.000007Z"]
