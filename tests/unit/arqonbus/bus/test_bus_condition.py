"""What the store gives can fall and rise again: receipts, news and refusals follow it."""

from __future__ import annotations

import asyncio

from unit.arqonbus.bus.fakes import FakePeer, Stage, payloads

from arqonbus.errors import ErrorCode
from arqonbus.model.durability import Durability


def levels(peer: FakePeer) -> list[object]:
    return [ack["durability"] for ack in peer.acks]


def look(stage: Stage) -> None:
    asyncio.run(stage.bus.look_after())


def test_a_lowered_commit_is_stored_at_the_lower_level_and_receipted_so() -> None:
    stage = Stage()
    peer, subscriber = stage.peer(), stage.subscriber()
    stage.send(peer, "a")
    stage.turn()
    stage.storage.lower(Durability.MEMORY)
    assert peer.acks == []
    stage.settle()
    assert (levels(peer), payloads(subscriber)) == (["memory"], [(1, "a")])
    assert stage.books() == {"published": 1, "stored": 1, "refused": 0, "waiting": 0}


def test_what_requires_more_is_refused_and_those_behind_it_move_up() -> None:
    stage = Stage()
    peer, subscriber = stage.peer(), stage.subscriber()
    for name, require in (("a", {}), ("b", {"require": "disk"}), ("c", {"require": "memory"})):
        stage.send(peer, name, id=name, **require)
    stage.turn()
    stage.storage.lower(Durability.MEMORY)
    stage.settle()
    assert payloads(subscriber) == [(1, "a"), (2, "c")]
    assert [(ack["request_id"], ack["seq"]) for ack in peer.acks] == [("a", 1), ("c", 2)]
    assert [(e.code, rid) for e, rid in peer.errors] == [(ErrorCode.DURABILITY_NOT_MET, "b")]
    assert stage.books() == {"published": 3, "stored": 2, "refused": 1, "waiting": 0}
    stage.send(peer, "again", id="b")
    stage.send(peer, "c", id="c")
    stage.settle()
    assert [(ack["request_id"], ack["seq"]) for ack in peer.acks[2:]] == [("c", 2), ("b", 3)]


def test_a_batch_of_which_nothing_is_left_ends_without_a_commit() -> None:
    stage = Stage()
    peer = stage.peer()
    stage.send(peer, "a", require="disk", qos=0)
    stage.turn()
    stage.storage.lower(Durability.REMOTE)
    assert stage.bus.idle
    assert [error.code for error, _ in peer.errors] == [ErrorCode.DURABILITY_NOT_MET]
    assert "1 messages to r:c sent with qos 0 were lost" in peer.errors[0][0].message


def test_everybody_is_told_once_when_the_level_falls_and_once_when_it_rises() -> None:
    stage = Stage()
    peer, other = stage.peer(), stage.peer("c_2")
    stage.send(peer, "a")
    stage.turn()
    stage.storage.lower(Durability.MEMORY)
    stage.settle()
    look(stage)
    (news,) = other.notices
    assert (news["event"], news["durability"], news["degraded"]) == ("durability", "memory", True)
    assert (news["demanded"], news["since"]) == ("disk", "2026-01-01T12:00:00.000000Z")
    assert (stage.counted("degraded"), stage.counted("durability_level")) == (1, 1)
    stage.storage.durability = Durability.DISK
    look(stage)
    assert [n["degraded"] for n in peer.notices] == [True, False]
    assert (stage.counted("degraded"), stage.counted("durability_level")) == (0, 3)
    assert stage.bus.condition.report()["since"] is None
    stage.send(peer, "b")
    stage.settle()
    assert levels(peer) == ["memory", "disk"]


def test_a_store_that_takes_nothing_is_told_and_found_again() -> None:
    stage = Stage()
    peer = stage.peer()
    stage.send(peer, "a")
    stage.turn()
    stage.storage.trouble = "the disk is full"
    stage.storage.refuse()
    assert [n["available"] for n in peer.notices] == [False]
    assert peer.notices[0]["problem"] == "the disk is full"
    assert stage.counted("storage_available") == 0
    stage.storage.trouble = None
    look(stage)
    assert [n["available"] for n in peer.notices] == [False, True]
    assert stage.counted("storage_available") == 1
