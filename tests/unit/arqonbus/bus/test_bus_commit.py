"""One commit a tick; nobody is told anything before it, and everybody right after it."""

from __future__ import annotations

import pytest
from unit.arqonbus.bus.fakes import NOON, Stage, payloads

from arqonbus.config.limits import LimitSettings
from arqonbus.model.address import Address


def test_all_of_a_tick_is_one_commit() -> None:
    stage = Stage()
    peers = [stage.peer("c_1"), stage.peer("c_2")]
    for number in range(6):
        stage.send(peers[number % 2], number, channel="ab"[number % 2])
    assert len(stage.turns) == 1
    stage.turn()
    (batch,) = stage.storage.batches
    assert [(item.address, len(item.bodies)) for item in batch] == [
        (("r", "a"), 3),
        (("r", "b"), 3),
    ]
    for item in batch:
        channel = stage.hub.existing(item.address)
        assert (item.epoch, item.timestamp) == (channel.epoch, NOON)


def test_a_tick_without_messages_commits_nothing() -> None:
    stage = Stage()
    stage.bus.wake(stage.peer())
    stage.settle()
    assert stage.storage.batches == []
    assert stage.flushes == 0


def test_nobody_is_told_anything_before_the_commit() -> None:
    stage = Stage()
    peer, subscriber = stage.peer(), stage.subscriber()
    stage.send(peer, "x")
    stage.turn()
    channel = stage.hub.existing(Address("r", "c"))
    assert (subscriber.chunks, peer.acks, stage.flushes) == ([], [], 0)
    assert (channel.last_seq, channel.stored, stage.bus.idle) == (0, False, False)
    stage.storage.commit()
    assert payloads(subscriber) == [(1, "x")]
    assert [ack["seq"] for ack in peer.acks] == [1]
    assert (channel.last_seq, channel.stored, stage.flushes) == (1, True, 1)
    assert stage.bus.idle


def test_what_comes_during_a_commit_waits_for_the_next() -> None:
    stage = Stage()
    peer, subscriber = stage.peer(), stage.subscriber()
    for number in (1, 2, 3):
        stage.send(peer, number)
        stage.turn()
    assert len(stage.storage.batches) == 1
    stage.storage.commit()
    assert payloads(subscriber) == [(1, 1)]
    stage.turn()
    assert [len(item.bodies) for item in stage.storage.batches[1]] == [2]
    stage.storage.commit()
    assert payloads(subscriber) == [(1, 1), (2, 2), (3, 3)]
    assert subscriber.positions == [(1, 1), (2, 3)]


def test_receipts_name_the_position_of_their_message_in_one_write_a_peer() -> None:
    stage = Stage()
    asker, silent = stage.peer("c_1"), stage.peer("c_2")
    subscriber = stage.subscriber()
    stage.send(asker, "a0", id="a0")
    stage.send(silent, "s0", qos=0)
    stage.send(asker, "a1", id="a1", qos=0)
    stage.send(asker, "a2", id="a2")
    stage.send(asker, "b0", id="b0", channel="other")
    stage.settle()
    seqs = {payload: seq for seq, payload in payloads(subscriber)}
    acks = {str(ack["request_id"]): ack for ack in asker.acks}
    assert {name: ack["seq"] for name, ack in acks.items()} == {
        "a0": seqs["a0"],
        "a2": seqs["a2"],
        "b0": 1,
    }
    assert (asker.writes, silent.acks, silent.writes) == (1, [], 0)
    assert acks["b0"]["channel"] == "other"
    assert acks["a0"]["epoch"] == stage.hub.existing(Address("r", "c")).epoch
    assert {ack["durability"] for ack in asker.acks} == {"disk"}


def test_a_store_that_commits_at_once_is_fine() -> None:
    stage = Stage(LimitSettings(batch_messages=2))
    stage.storage.at_once = True
    peer, subscriber = stage.peer(), stage.subscriber()
    for number in range(5):
        stage.send(peer, number)
    for _ in range(3):
        stage.turn()
    assert payloads(subscriber) == [(number + 1, number) for number in range(5)]
    assert [ack["seq"] for ack in peer.acks] == [1, 2, 3, 4, 5]
    assert stage.bus.idle
    assert stage.turns == []


def test_what_does_not_fit_into_a_batch_is_committed_without_further_events() -> None:
    stage = Stage(LimitSettings(batch_messages=2))
    peer = stage.peer()
    for number in range(5):
        stage.send(peer, number)
    stage.settle()
    assert [sum(len(item.bodies) for item in batch) for batch in stage.storage.batches] == [2, 2, 1]
    assert [ack["seq"] for ack in peer.acks] == [1, 2, 3, 4, 5]


def test_commit_times_never_go_back() -> None:
    stage = Stage()
    peer = stage.peer()
    for micros in (NOON, NOON - 50, NOON + 7):
        stage.micros = micros
        stage.send(peer)
        stage.settle()
    times = [item.timestamp for batch in stage.storage.batches for item in batch]
    assert times == [NOON, NOON, NOON + 7]


def test_a_channel_is_settled_when_none_of_it_waits_or_flies() -> None:
    stage = Stage()
    peer = stage.peer()
    channel, other = stage.hub.obtain(Address("r", "c")), stage.hub.obtain(Address("r", "other"))
    settled = [stage.bus.settled(channel)]
    stage.send(peer)
    stage.turn()
    settled.append(stage.bus.settled(channel))
    stage.send(peer)
    stage.turn()
    stage.storage.commit()
    settled.append(stage.bus.settled(channel))
    assert stage.bus.settled(other)
    stage.settle()
    settled.append(stage.bus.settled(channel))
    assert settled == [True, False, False, True]


def test_idle_means_that_nothing_waits_anywhere() -> None:
    stage = Stage()
    peer = stage.peer()
    idle = [stage.bus.idle]
    stage.send(peer)
    idle.append(stage.bus.idle)
    stage.turn()
    idle.append(stage.bus.idle)
    stage.storage.commit()
    idle.append(stage.bus.idle)
    assert idle == [True, False, False, True]


def test_a_store_that_reports_twice_is_not_believed() -> None:
    stage = Stage()
    stage.send(stage.peer())
    stage.turn()
    assert stage.storage.held is not None
    _, on_commit = stage.storage.held
    stage.storage.commit()
    with pytest.raises(RuntimeError, match="not under way"):
        on_commit([None])


def test_a_store_that_tells_of_more_than_it_was_given_is_not_believed() -> None:
    stage = Stage()
    stage.send(stage.peer())
    stage.turn()
    assert stage.storage.held is not None
    _, on_commit = stage.storage.held
    with pytest.raises(ValueError, match="longer"):
        on_commit([None, None])


def test_what_was_done_is_counted() -> None:
    stage = Stage()
    peer = stage.peer()
    for name in ("c", "c", "other"):
        stage.subscriber(name)
    for channel in ("c", "c", "other"):
        stage.send(peer, channel=channel)
    stage.turn()
    stage.micros += 250_000
    stage.storage.commit()
    stage.send(peer)
    stage.turn()
    stage.storage.refuse()
    assert stage.counted("messages_published_total") == 4
    assert stage.counted("messages_stored_total") == 3
    assert stage.counted("messages_refused_total") == 1
    assert stage.counted("deliveries_due_total") == 2 * 2 + 1
    assert stage.counted("batches_total") == 1
    assert stage.counted("batch_size_sum") == 3
    assert stage.counted("commit_seconds_sum") == 0.25


def test_the_books_say_where_each_message_is() -> None:
    stage = Stage(LimitSettings(batch_messages=2))
    peer = stage.peer()
    for _ in range(5):
        stage.send(peer)
    stage.turn()
    books = [stage.books()]
    stage.storage.commit()
    books.append(stage.books())
    stage.turn()
    stage.storage.refuse()
    books.append(stage.books())
    assert books == [
        {"published": 5, "stored": 0, "refused": 0, "waiting": 5},
        {"published": 5, "stored": 2, "refused": 0, "waiting": 3},
        {"published": 5, "stored": 2, "refused": 2, "waiting": 1},
    ]
    assert stage.bus.ledger()["balanced"] is True


def test_the_books_balance_only_with_what_the_peers_still_have_to_send() -> None:
    stage = Stage()
    peer = stage.peer()
    stage.subscriber()
    stage.send(peer)
    stage.settle()
    ledgers = [stage.bus.ledger()]
    peer.pending = 1
    ledgers.append(stage.bus.ledger())
    assert [(one["due"], one["pending"], one["balanced"]) for one in ledgers] == [
        (1, 0, False),
        (1, 1, True),
    ]


def test_a_clock_that_goes_back_during_a_commit_took_no_negative_time() -> None:
    stage = Stage()
    stage.send(stage.peer())
    stage.turn()
    stage.micros -= 1_000_000
    stage.storage.commit()
    assert stage.counted("commit_seconds_sum") == 0
