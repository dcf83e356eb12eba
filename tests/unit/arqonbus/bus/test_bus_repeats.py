"""A repeated id is stored once, however far the first message has come."""

from __future__ import annotations

import pytest
from unit.arqonbus.bus.fakes import FakePeer, Stage

from arqonbus.config.limits import LimitSettings
from arqonbus.errors import ErrorCode

STATES = ["waiting", "in flight", "stored"]


def after_first(state: str, qos: int = 1) -> tuple[Stage, FakePeer]:
    """A bus with a message `mine` that came so far, at position 3 in the end."""
    stage = Stage()
    peer = stage.peer()
    stage.send(peer, "other", qos=0)
    stage.settle()
    if state == "waiting":
        stage.send(stage.peer("c_9"), "holds the store", channel="busy", qos=0)
        stage.turn()
    stage.send(peer, "another", qos=0)
    stage.send(peer, "first", id="mine", qos=qos)
    if state == "in flight":
        stage.turn()
    elif state == "stored":
        stage.settle()
    return stage, peer


def stored(stage: Stage) -> int:
    """How many messages the channel's stream was given."""
    return sum(
        len(item.bodies)
        for batch in stage.storage.batches
        for item in batch
        if item.address == ("r", "c")
    )


def positions(peer: FakePeer) -> list[tuple[object, object]]:
    return [(ack["request_id"], ack["seq"]) for ack in peer.acks]


@pytest.mark.parametrize("state", STATES)
def test_a_repeat_gets_the_receipt_of_the_first(state: str) -> None:
    stage, peer = after_first(state)
    again = stage.peer("c_2")
    stage.send(again, "first", id="mine")
    stage.settle()
    assert positions(peer) == positions(again) == [("mine", 3)]
    assert stored(stage) == 3
    assert (peer.refused, again.refused, again.errors) == ([], [], [])


@pytest.mark.parametrize("state", STATES)
def test_a_repeat_may_ask_for_the_receipt_that_the_first_did_not_want(state: str) -> None:
    stage, peer = after_first(state, qos=0)
    stage.send(peer, "first", id="mine", qos=1)
    stage.settle()
    assert positions(peer) == [("mine", 3)]
    assert stored(stage) == 3


@pytest.mark.parametrize("state", STATES)
def test_a_repeat_that_wants_no_receipt_gets_none(state: str) -> None:
    stage, peer = after_first(state)
    again = stage.peer("c_2")
    stage.send(again, "first", id="mine", qos=0)
    stage.settle()
    assert (positions(again), stored(stage)) == ([], 3)
    assert positions(peer) == [("mine", 3)]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("qos", [0, 1])
def test_an_id_of_another_message_is_a_conflict(state: str, qos: int) -> None:
    stage, peer = after_first(state)
    stage.send(peer, "not the first", id="mine", qos=qos)
    stage.settle()
    (error,) = peer.refused
    assert (error.code, error.retryable) == (ErrorCode.CONFLICT, False)
    assert "'mine'" in error.message
    assert (positions(peer), stored(stage)) == ([("mine", 3)], 3)


def test_a_repeat_is_not_answered_before_the_first_is_committed() -> None:
    stage, _ = after_first("in flight")
    again = stage.peer("c_2")
    stage.send(again, "first", id="mine")
    stage.turn()
    assert again.acks == []
    stage.storage.commit()
    assert positions(again) == [("mine", 3)]


def test_a_repeat_within_one_turn_is_answered_too() -> None:
    stage = Stage()
    peer = stage.peer()
    for _ in range(3):
        stage.send(peer, "x", id="mine")
    stage.settle()
    assert positions(peer) == [("mine", 1)] * 3
    assert stored(stage) == 1


def test_a_repeat_is_found_when_the_first_is_split_off_into_a_later_batch() -> None:
    stage = Stage(LimitSettings(batch_messages=2))
    peer, again = stage.peer(), stage.peer("c_2")
    for name in "abcde":
        stage.send(peer, name, id=name)
    stage.turn()
    stage.send(again, "b", id="b")
    stage.send(again, "e", id="e")
    stage.settle()
    assert sorted(positions(again)) == [("b", 2), ("e", 5)]
    assert stored(stage) == 5


def test_a_refused_first_frees_its_id_and_its_repeats_are_told_too() -> None:
    stage, peer = after_first("in flight")
    again = stage.peer("c_2")
    stage.send(again, "first", id="mine")
    stage.turn()
    stage.storage.refuse()
    assert [name for _, name in again.errors] == ["mine"]
    assert [name for _, name in peer.errors] == ["mine", None]
    stage.send(again, "now something else", id="mine")
    stage.settle()
    assert positions(again) == [("mine", 2)]


def test_ids_count_within_their_channel() -> None:
    stage, peer = after_first("stored")
    stage.send(peer, "something else", id="mine", channel="other")
    stage.settle()
    assert positions(peer) == [("mine", 3), ("mine", 1)]


def test_ids_of_one_subject_are_not_those_of_another() -> None:
    stage = Stage()
    first, second = stage.peer("c_1", "alice\0"), stage.peer("c_2", "bob\0")
    same = stage.peer("c_3", "alice\0")
    for peer, payload in ((first, "a"), (second, "b"), (same, "a")):
        stage.send(peer, payload, id="mine")
    stage.settle()
    assert (positions(first), positions(second)) == ([("mine", 1)], [("mine", 2)])
    assert positions(same) == [("mine", 1)]


def test_ids_behind_the_window_are_forgotten() -> None:
    stage = Stage(LimitSettings(dedup_window=2))
    peer = stage.peer()
    for name in "abc":
        stage.send(peer, name, id=name)
        stage.settle()
    for name in "ba":
        stage.send(peer, name, id=name)
        stage.settle()
    assert positions(peer) == [("a", 1), ("b", 2), ("c", 3), ("b", 2), ("a", 4)]


def test_without_a_window_every_publish_is_a_message() -> None:
    stage = Stage(LimitSettings(dedup_window=0))
    peer = stage.peer()
    for payload in ("x", "x", "y"):
        stage.send(peer, payload, id="mine")
    stage.settle()
    assert positions(peer) == [("mine", 1), ("mine", 2), ("mine", 3)]
    assert peer.refused == []


async def restarted(stage: Stage, limits: LimitSettings | None = None) -> Stage:
    """Another bus on what the store of the first one holds."""
    again = Stage(limits, storage=stage.storage)
    await again.bus.load(await stage.storage.open())
    return again


async def test_a_repeat_after_a_restart_gets_the_receipt_of_the_first() -> None:
    before = Stage()
    peer = before.peer("c_1", "alice\0")
    metadata = {"a": 1, 'b,"payload":': [',"payload":0']}
    for name, payload in (("m1", [1]), ("", "between"), ("m2", {"payload": 2})):
        fields = {"id": name, "metadata": metadata} if name else {}
        before.send(peer, payload, **fields)
    before.settle()
    stage = await restarted(before)
    again, other = stage.peer("c_2", "alice\0"), stage.peer("c_3", "bob\0")
    stage.send(again, {"payload": 2}, id="m2")
    stage.send(again, [1], id="m1", metadata={"other": 1})
    stage.send(again, [9], id="m1")
    stage.send(other, [1], id="m1")
    stage.settle()
    assert positions(again) == [("m2", 3), ("m1", 1)]
    assert [error.code for error in again.refused] == [ErrorCode.CONFLICT]
    assert positions(other) == [("m1", 4)]
    assert again.acks[0]["epoch"] == peer.acks[0]["epoch"]


async def test_a_restart_brings_back_the_window_and_no_more() -> None:
    before = Stage()
    peer = before.peer()
    for name in "abc":
        before.send(peer, name, id=name)
    before.settle()
    stage = await restarted(before, LimitSettings(dedup_window=2))
    again = stage.peer()
    for name in "bca":
        stage.send(again, name, id=name)
    stage.settle()
    assert positions(again) == [("b", 2), ("c", 3), ("a", 4)]


async def test_without_a_window_a_restart_remembers_no_ids() -> None:
    before = Stage()
    before.send(before.peer(), "x", id="mine")
    before.settle()
    stage = await restarted(before, LimitSettings(dedup_window=0))
    again = stage.peer()
    stage.send(again, "y", id="mine")
    stage.settle()
    assert positions(again) == [("mine", 2)]


async def test_a_restarted_bus_goes_on_where_its_streams_end() -> None:
    before = Stage()
    peer = before.peer()
    for _ in range(3):
        before.send(peer)
    before.settle()
    stage = await restarted(before)
    subscriber = stage.subscriber()
    stage.send(stage.peer())
    stage.settle()
    assert subscriber.positions == [(4, 4)]


def test_the_store_is_told_each_id_with_its_scope_at_its_index() -> None:
    stage = Stage()
    first, second = stage.peer("c_1", "alice\0"), stage.peer("c_2")
    stage.send(first)
    stage.send(first, id="mine")
    stage.send(second, id="mine")
    stage.settle()
    (batch,) = stage.storage.batches
    assert [dict(item.keys) for item in batch] == [{1: "alice\0mine", 2: "mine"}]
