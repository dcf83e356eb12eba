"""When much waits for its commit its senders are not read; when too much waits all are refused."""

from __future__ import annotations

import pytest
from unit.arqonbus.bus.fakes import FakePeer, Stage

from arqonbus.bus.bus import TURN
from arqonbus.config.limits import LimitSettings
from arqonbus.errors import ErrorCode
from arqonbus.model.address import Address
from arqonbus.model.principal import Principal

LIMIT = 80_000
SMALL = LimitSettings(batch_bytes=5000)


def held() -> tuple[Stage, FakePeer]:
    """A bus whose store holds one commit, and the peer that sent it."""
    stage = Stage(SMALL, max_pending=LIMIT)
    peer = stage.peer("c_0")
    stage.send(peer, "holds the store", channel="busy")
    stage.turn()
    return stage, peer


def overhead() -> int:
    """The bytes of a message with an empty text as payload; ids are all of one length."""
    stage = Stage()
    stage.send(stage.peer(), "")
    stage.turn()
    return len(stage.storage.batches[0][0].bodies[0])


OVERHEAD = overhead()


def load(stage: Stage, peer: FakePeer, size: int) -> None:
    """Let a turn bring so many bytes, in messages of a thousand; the rest is in the last one."""
    lengths = [1000] * (size // 1000)
    lengths[-1] += size % 1000
    for length in lengths:
        stage.send(peer, "x" * (length - OVERHEAD))
    stage.turn()


def commits_until(stage: Stage, peer: FakePeer, word: str) -> int:
    """How many commits it takes until the peer is told this last."""
    count = 0
    while peer.reading[-1] != word:
        stage.storage.commit()
        stage.turn()
        count += 1
    return count


@pytest.mark.parametrize(("over", "told"), [(-1, []), (0, []), (1, ["pause"])])
def test_senders_are_paused_beyond_a_quarter_of_the_limit(over: int, told: list[str]) -> None:
    stage, first = held()
    peer = stage.peer()
    load(stage, peer, LIMIT // 4 + over)
    assert (first.reading, peer.reading) == ([], told)
    assert peer.refused == []


@pytest.mark.parametrize(("over", "refusals"), [(-1, 0), (0, 0), (1, 1)])
def test_publishes_are_refused_beyond_the_limit(over: int, refusals: int) -> None:
    stage, _ = held()
    load(stage, stage.peer(), LIMIT + over)
    other = stage.peer("c_2")
    stage.send(other)
    stage.turn()
    assert len(other.refused) == refusals


def test_those_who_send_while_much_waits_are_paused_and_resumed_once_it_is_committed() -> None:
    stage, first = held()
    peer, quiet = stage.peer(), stage.peer("c_2")
    load(stage, peer, LIMIT // 2)
    assert (first.reading, peer.reading, quiet.reading) == ([], ["pause"], [])
    assert commits_until(stage, peer, "resume") > 1
    assert peer.reading == ["pause", "resume"]
    stage.settle()
    assert (first.reading, peer.reading, quiet.reading) == ([], ["pause", "resume"], [])
    assert (len(peer.acks), peer.refused) == (LIMIT // 2 // 1000, [])


@pytest.mark.parametrize(("more", "committed"), [(0, 30), (1, 35)])
def test_reading_goes_on_when_no_more_than_an_eighth_waits(more: int, committed: int) -> None:
    stage, _ = held()
    peer = stage.peer()
    load(stage, peer, LIMIT // 2 + more)
    while peer.reading == ["pause"]:
        stage.storage.commit()
        if peer.reading == ["pause"]:
            stage.turn()
    assert peer.reading == ["pause", "resume"]
    assert len(peer.acks) == committed


def test_a_tenant_that_has_little_there_is_read_on() -> None:
    stage, _ = held()
    loud, quiet = stage.peer(), stage.peer("c_2")
    quiet.principal = Principal("quiet", "quiet")
    stage.send(quiet, "little")
    load(stage, loud, LIMIT // 2)
    assert (loud.reading, quiet.reading) == (["pause"], [])


def test_beyond_the_limit_a_tenant_that_has_little_there_is_taken() -> None:
    stage, _ = held()
    loud, quiet = stage.peer(), stage.peer("c_2")
    quiet.principal = Principal("quiet", "quiet")
    quiet.targets["q", "c"] = stage.hub.obtain(Address("quiet/q", "c"))
    stage.send(quiet, room="q")
    load(stage, loud, LIMIT + 2000)
    stage.send(quiet, room="q")
    stage.send(loud)
    stage.turn()
    assert [len(loud.refused), len(quiet.refused)] == [1, 0]


def test_a_turn_takes_so_much_of_a_tenant_and_all_of_another_one() -> None:
    stage = Stage()
    loud, also, quiet = (stage.peer(name) for name in ("c_1", "c_2", "c_3"))
    quiet.principal = Principal("quiet", "quiet")
    stage.hub.enter(quiet)
    for _ in range(TURN - 1):
        stage.send(loud)
    for peer in (also, also, quiet, quiet):
        stage.send(peer)
    stage.turn()
    assert [len(peer.inbox) for peer in (loud, also, quiet)] == [0, 1, 0]
    stage.turn()
    assert also.inbox == []


def test_each_pause_is_taken_back() -> None:
    stage, _ = held()
    peer, other = stage.peer(), stage.peer("c_2")
    load(stage, peer, LIMIT // 2)
    load(stage, peer, 1000)
    load(stage, other, 1000)
    assert (peer.reading, other.reading) == (["pause", "pause"], ["pause"])
    stage.settle()
    assert peer.reading == ["pause", "pause", "resume", "resume"]
    assert other.reading == ["pause", "resume"]


def test_beyond_the_limit_publishes_are_refused_until_there_is_room() -> None:
    stage, _ = held()
    peer, other = stage.peer(), stage.peer("c_2")
    load(stage, peer, LIMIT + 2000)
    assert peer.refused == []
    stage.send(other, id="refused")
    stage.turn()
    (error,) = other.refused
    assert (error.code, error.retryable) == (ErrorCode.RATE_LIMITED, True)
    stage.settle()
    stage.send(other, id="taken")
    stage.send(other, id="required", require="disk")
    stage.settle()
    assert [ack["request_id"] for ack in other.acks] == ["taken", "required"]
    assert other.refused == [error]
    assert len(peer.acks) == LIMIT // 1000 + 2


def test_a_refused_batch_lets_the_senders_go_on_too() -> None:
    stage = Stage(LimitSettings(batch_bytes=2 * LIMIT), max_pending=LIMIT)
    peer = stage.peer()
    stage.send(stage.peer("c_0"), "holds the store")
    stage.turn()
    load(stage, peer, LIMIT + 2000)
    stage.storage.commit()
    stage.turn()
    stage.storage.refuse()
    assert peer.reading == ["pause", "resume"]
    assert len(peer.errors) == LIMIT // 1000 + 2
    stage.send(peer, id="after")
    stage.settle()
    assert [ack["request_id"] for ack in peer.acks] == ["after"]


def test_draining_outlasts_the_end_of_a_pushback() -> None:
    stage, _ = held()
    peer = stage.peer()
    load(stage, peer, LIMIT + 2000)
    stage.bus.drain()
    stage.settle()
    assert peer.reading == ["pause", "resume"]
    stage.send(peer, id="late")
    stage.settle()
    (error,) = peer.refused
    assert error.code is ErrorCode.STORAGE_UNAVAILABLE
    assert stage.bus.idle
