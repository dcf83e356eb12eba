"""A stream that the store lost begins a new epoch, and whoever has joined is told."""

from __future__ import annotations

import asyncio

import pytest
from unit.arqonbus.bus.fakes import Stage, payloads

from arqonbus.errors import ArqonBusError, ErrorCode, StorageError
from arqonbus.model.address import SYSTEM_ROOM, Address
from arqonbus.model.stream import StreamInfo
from arqonbus.storage.interface import StreamLostError
from arqonbus.storage.memory import MemoryStorage
from arqonbus.storage.retention import Retention

HERE = Address("r", "c")


def info(epoch: str, last: int, address: Address = HERE) -> StreamInfo:
    return StreamInfo(address, epoch, 1, last, 10 * last, 5)


async def restarted() -> None:
    """Wait for the tasks that begin new epochs."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.gather(*others)


def forget(stage: Stage) -> None:
    """The store's streams vanish, as after FLUSHALL."""
    MemoryStorage.__init__(stage.storage, Retention(100_000, 100_000_000))


async def test_an_append_to_a_lost_stream_is_refused_and_the_next_begins_anew() -> None:
    stage = Stage()
    peer, subscriber = stage.peer(), stage.subscriber()
    for text in "ab":
        stage.send(peer, text)
    stage.settle()
    forget(stage)
    stage.send(peer, "c")
    stage.settle()
    assert [error.code for error, _ in peer.errors] == [ErrorCode.STORAGE_UNAVAILABLE]
    await restarted()
    stage.send(peer, "d")
    stage.settle()
    assert payloads(subscriber) == [(1, "a"), (2, "b"), (1, "d")]
    assert peer.acks[-1]["epoch"] != peer.acks[0]["epoch"]
    (news,) = subscriber.notices
    assert (news["event"], news["room"], news["channel"]) == ("stream", "r", "c")
    assert news["before"] == {"epoch": peer.acks[0]["epoch"], "seq": 2}
    assert news["now"] == {"epoch": peer.acks[-1]["epoch"], "seq": 0}
    assert stage.counted("streams_lost_total") == 1


async def test_a_lost_stream_is_never_read_as_empty() -> None:
    stage = Stage()
    stage.send(stage.peer(), "a")
    stage.settle()
    forget(stage)
    channel = stage.hub.existing(Address("r", "c"))
    with pytest.raises(StreamLostError):
        await stage.bus.streams.read(channel, after=0, limit=9, max_bytes=99)
    await restarted()
    page = await stage.bus.streams.read(channel, after=0, limit=9, max_bytes=99)
    assert page is not None
    assert (page.messages, page.info.epoch) == ((), channel.epoch)


async def test_a_stream_whose_end_is_gone_is_lost_too() -> None:
    stage = Stage()
    stage.send(stage.peer(), "a")
    stage.settle()
    channel = stage.hub.existing(Address("r", "c"))
    channel.last_seq = 2
    with pytest.raises(StreamLostError):
        await stage.bus.streams.read(channel, after=0, limit=9, max_bytes=99)
    await restarted()
    assert channel.last_seq == 1


async def test_a_restart_that_fails_is_tried_by_whoever_meets_the_loss_next() -> None:
    stage = Stage()
    stage.send(stage.peer(), "a")
    stage.settle()
    channel = stage.hub.existing(Address("r", "c"))
    forget(stage)
    real = stage.storage.restart

    async def refused(address: Address, epoch: str) -> StreamInfo:
        raise StorageError(f"away: {address} {epoch}")

    stage.storage.restart = refused  # type: ignore[method-assign] # one store that fails once
    stage.bus.streams.lost(channel)
    await restarted()
    epoch = channel.epoch
    stage.storage.restart = real  # type: ignore[method-assign] # the same
    stage.bus.streams.lost(channel)
    stage.bus.streams.lost(channel)
    await restarted()
    assert channel.epoch != epoch


async def test_what_a_probe_brings_into_sight_is_known_with_its_ids() -> None:
    stage = Stage()
    peer = stage.peer()
    stage.send(peer, "a", id="mine")
    stage.settle()
    channel = stage.hub.existing(Address("r", "c"))
    after = Stage(storage=stage.storage)

    async def probe(adopt: object) -> None:
        assert callable(adopt)
        adopt(list(await after.storage.open()))

    after.storage.probe = probe  # type: ignore[method-assign] # a store that was away at the start
    await after.bus.look_after()
    again = after.peer()
    after.send(again, "a", id="mine")
    after.settle()
    assert [(ack["seq"], ack["epoch"]) for ack in again.acks] == [(1, channel.epoch)]


def test_adopting_what_is_known_already_tells_nobody() -> None:
    stage = Stage()
    subscriber = stage.subscriber()
    channel = stage.hub.existing(Address("r", "c"))
    stage.bus.streams.adopt([info(channel.epoch, 0)])
    assert subscriber.notices == []
    stage.bus.streams.adopt([info("another", 7)])
    assert (channel.epoch, channel.last_seq) == ("another", 7)
    assert [news["now"] for news in subscriber.notices] == [{"epoch": "another", "seq": 7}]


def test_what_was_stored_in_an_epoch_that_is_over_is_refused() -> None:
    stage = Stage()
    peer, subscriber = stage.peer(), stage.subscriber()
    stage.send(peer, "a")
    stage.turn()
    stage.bus.streams.adopt([info("another", 0)])
    stage.storage.commit()
    assert payloads(subscriber) == []
    assert [error.code for error, _ in peer.errors] == [ErrorCode.STORAGE_UNAVAILABLE]


def test_the_bus_own_records_are_stored_and_told_but_not_counted() -> None:
    stage = Stage()
    told: list[int | ArqonBusError] = []
    own = stage.hub.own("journal")
    assert own.address == Address(SYSTEM_ROOM, "journal")
    stage.bus.post(own, b'"a":1', told.append)
    stage.bus.post(own, b'"a":2', told.append)
    stage.settle()
    assert told == [1, 2]
    stage.bus.post(own, b'"a":3', told.append)
    stage.turn()
    stage.storage.refuse("away")
    assert [getattr(outcome, "message", outcome) for outcome in told] == [1, 2, "away"]
    assert stage.books() == {"published": 0, "stored": 0, "refused": 0, "waiting": 0}
    assert own not in list(stage.hub)
