"""When the store refuses a batch nobody gets it, and every publisher learns of it."""

from __future__ import annotations

from structlog.testing import capture_logs
from unit.arqonbus.bus.fakes import Stage, payloads

from arqonbus.errors import ErrorCode


def test_a_refused_batch_is_delivered_to_nobody_and_told_to_each_publisher() -> None:
    stage = Stage()
    asker, silent = stage.peer("c_1"), stage.peer("c_2")
    subscriber = stage.subscriber()
    stage.send(asker, id="a0")
    stage.send(asker, id="a1")
    for channel in ("c", "c", "c", "other"):
        stage.send(silent, qos=0, channel=channel)
    stage.turn()
    with capture_logs() as logs:
        stage.storage.refuse("the disk is full")
    told = [(error.code, error.message, name) for error, name in asker.errors]
    code = ErrorCode.STORAGE_UNAVAILABLE
    assert told == [(code, "the disk is full", "a0"), (code, "the disk is full", "a1")]
    assert [(error.code, error.message, name) for error, name in silent.errors] == [
        (code, "3 messages to r:c sent with qos 0 were lost: the disk is full", None),
        (code, "1 messages to r:other sent with qos 0 were lost: the disk is full", None),
    ]
    assert all(error.retryable for error, _ in asker.errors + silent.errors)
    assert (subscriber.chunks, asker.acks, silent.acks) == ([], [], [])
    assert [(line["event"], line["messages"]) for line in logs] == [("commits refused", 6)]
    assert (stage.flushes, stage.bus.idle) == (1, True)


def test_one_who_mixes_qos_gets_an_error_for_each_and_one_for_the_rest() -> None:
    stage = Stage()
    peer = stage.peer()
    for number, qos in enumerate((0, 1, 0)):
        stage.send(peer, id=f"m{number}", qos=qos)
    stage.turn()
    stage.storage.refuse()
    assert [name for _, name in peer.errors] == ["m1", None]
    assert peer.errors[1][0].message.startswith("2 messages to r:c ")


def test_a_publisher_that_has_left_is_not_told() -> None:
    stage = Stage()
    gone, there = stage.peer("c_1"), stage.peer("c_2")
    stage.send(gone, qos=0)
    stage.send(there, qos=0)
    stage.turn()
    del stage.hub.peers["c_1"]
    stage.storage.refuse()
    assert (len(gone.errors), len(there.errors)) == (0, 1)


def test_the_stream_goes_on_without_a_hole_after_a_refusal() -> None:
    stage = Stage()
    peer, subscriber = stage.peer(), stage.subscriber()
    for number, refused in enumerate((False, True, False)):
        stage.send(peer, number)
        stage.turn()
        (stage.storage.refuse if refused else stage.storage.commit)()
    assert payloads(subscriber) == [(1, 0), (2, 2)]
    assert [ack["seq"] for ack in peer.acks] == [1, 2]
    assert [error.code for error, _ in peer.errors] == [ErrorCode.STORAGE_UNAVAILABLE]


def test_a_refusal_does_not_keep_what_waits_behind_it() -> None:
    stage = Stage()
    peer = stage.peer()
    stage.send(peer, id="lost")
    stage.turn()
    stage.send(peer, id="kept")
    stage.turn()
    stage.storage.refuse()
    stage.settle()
    assert [ack["request_id"] for ack in peer.acks] == ["kept"]
