"""Delayed messages on a bus whose store and clock do what a test says."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from unit.arqonbus.bus.fakes import JSON, NOON, FakePeer, HeldStorage, payloads
from unit.arqonbus.groups.stage import Works, delayed_frame, life

from arqonbus.bus.clock import rfc3339
from arqonbus.config.limits import DelayedSettings
from arqonbus.delayed import book, delivery
from arqonbus.delayed.schedule import Key
from arqonbus.errors import ArqonBusError, ErrorCode, LimitError, StorageError
from arqonbus.model.address import SYSTEM_ROOM, Address
from arqonbus.model.durability import Durability

SECOND = 1_000_000
JOURNAL = Address(SYSTEM_ROOM, "delayed")


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "_PAUSE", 0.001)


async def keep(works: Works, seconds: int, payload: object = "x", **fields: Any) -> FakePeer:
    """Ask for a delivery so many seconds after noon, and wait for the receipt."""
    peer = works.peer(fields.pop("peer", "c_1"))
    frame = delayed_frame(payload, rfc3339(NOON + seconds * SECOND), **fields)
    assert works.delayed.accept(peer, JSON, frame)
    await works.quiet()
    return peer


async def at(works: Works, seconds: int) -> None:
    """The clock says so many seconds after noon, and everything due has happened."""
    works.micros = NOON + seconds * SECOND
    for _ in range(5):
        await asyncio.sleep(0.003)
        await works.quiet()


async def test_the_receipt_comes_with_the_commit_and_the_message_with_its_time() -> None:
    async with life() as works:
        reader = works.subscriber()
        peer = works.peer("c_1")
        frame = delayed_frame("x", rfc3339(NOON + SECOND), id="m1")
        assert works.delayed.accept(peer, JSON, frame)
        await works.ticks()
        assert peer.acks == []
        await works.quiet()
        (ack,) = peer.acks
        assert (ack["deliver_at"], ack["durability"]) == (frame.deliver_at, "disk")
        assert payloads(reader) == []
        await at(works, 1)
        assert payloads(reader) == [(1, "x")]
        assert (len(works.delayed.schedule), works.delayed.schedule.size) == (0, 0)
        assert works.books() == {"published": 1, "stored": 1, "refused": 0, "waiting": 0}


async def test_what_the_store_refuses_is_refused_and_never_delivered() -> None:
    async with life() as works:
        peer = works.peer("c_1")
        frame = delayed_frame("x", rfc3339(NOON + SECOND), id="m1")
        works.delayed.accept(peer, JSON, frame)
        await works.ticks()
        works.storage.refuse()
        assert [(e.code, rid) for e, rid in peer.errors] == [(ErrorCode.STORAGE_UNAVAILABLE, "m1")]
        assert len(works.delayed.schedule) == 0
        works.delayed.accept(peer, JSON, frame)
        await works.quiet()
        assert len(peer.acks) == 1


async def test_a_clock_that_jumps_neither_loses_nor_doubles() -> None:
    async with life() as works:
        reader = works.subscriber()
        for seconds in (10, 20, 30):
            await keep(works, seconds, seconds)
        await at(works, 20)
        await at(works, -3600)
        assert payloads(reader) == [(1, 10), (2, 20)]
        await keep(works, -1800, "back")
        await at(works, 7200)
        assert payloads(reader)[2:] == [(3, "back"), (4, 30)]


async def test_a_delivery_that_the_store_refuses_is_tried_again_in_its_order() -> None:
    async with life() as works:
        reader = works.subscriber()
        for n in range(3):
            await keep(works, 1, n)
        works.micros = NOON + SECOND
        await asyncio.sleep(0.005)
        await works.ticks()
        works.storage.refuse()
        assert len(works.delayed.schedule) == 3
        await at(works, 2)
        assert [payload for _, payload in payloads(reader)] == [0, 1, 2]
        assert len(works.delayed.schedule) == 0


async def test_a_crash_between_delivery_and_its_record_delivers_once() -> None:
    storage = HeldStorage(Durability.DISK)
    async with life(storage) as works:
        await keep(works, 1, "x")
        works.micros = NOON + SECOND
        await asyncio.sleep(0.005)
        await works.ticks()
        storage.commit()
        assert works.hub.obtain(Address("r", "c")).last_seq == 1
    async with life(storage) as works:
        assert len(works.delayed.schedule) == 1
        await at(works, 1)
        assert len(works.delayed.schedule) == 0
        assert works.hub.obtain(Address("r", "c")).last_seq == 1


async def test_an_end_that_the_store_refuses_is_noted_later_without_a_second_delivery() -> None:
    async with life() as works:
        reader = works.subscriber()
        await keep(works, 1, "x")
        works.micros = NOON + SECOND
        await asyncio.sleep(0.005)
        await works.ticks()
        works.storage.commit()
        await works.ticks()
        works.storage.refuse()
        with pytest.raises(ArqonBusError, match="being delivered"):
            (item,) = works.delayed.schedule
            await works.delayed.cancel(item.key)
        assert list(works.delayed.waiting(Address("r", "c"))) == []
        await at(works, 2)
    assert (payloads(reader), len(works.delayed.schedule)) == ([(1, "x")], 0)


async def test_a_level_that_fell_makes_only_that_message_wait() -> None:
    async with life() as works:
        reader = works.subscriber()
        await keep(works, 1, "safe", require="disk")
        await keep(works, 1, "any")
        works.micros = NOON + SECOND
        await asyncio.sleep(0.005)
        await works.ticks()
        works.storage.lower(Durability.MEMORY)
        await works.quiet()
        assert [payload for _, payload in payloads(reader)] == ["any"]
        works.storage.durability = Durability.DISK
        await works.bus.look_after()
        await at(works, 5)
    assert [payload for _, payload in payloads(reader)] == ["any", "safe"]


async def test_a_cancelled_message_never_comes_and_is_not_there_after_a_restart() -> None:
    storage = HeldStorage(Durability.DISK)
    async with life(storage) as works:
        await keep(works, 1, "x", id="m1")
        await keep(works, 1, "y", id="m2")
        asking = asyncio.ensure_future(works.delayed.cancel(Key("r", "c", "m1")))
        await works.ticks()
        storage.refuse()
        with pytest.raises(StorageError):
            await asking
        asking = asyncio.ensure_future(works.delayed.cancel(Key("r", "c", "m1")))
        await works.quiet()
        assert asking.result().message_id == "m1"
    async with life(storage) as works:
        reader = works.subscriber()
        await at(works, 1)
    assert [payload for _, payload in payloads(reader)] == ["y"]


async def test_only_its_publisher_finds_a_message_by_its_id() -> None:
    async with life() as works:
        peer = works.peer("c_1", scope="alice\0")
        frame = delayed_frame("x", rfc3339(NOON + SECOND), id="m1")
        assert works.delayed.accept(peer, JSON, frame)
        await works.quiet()
        with pytest.raises(ArqonBusError, match="no delayed message of yours"):
            await works.delayed.cancel(Key("r", "c", "bob\0m1"))
        (item,) = works.delayed.waiting(Address("r", "c"))
    assert item.message_id == "m1"


async def test_the_journal_is_shortened_and_tells_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(book, "_SLACK", 3)
    storage = HeldStorage(Durability.DISK)
    async with life(storage) as works:
        for n in range(20):
            await keep(works, 1 if n % 4 else 100, n)
        await at(works, 1)
        for _ in range(2):  # what is needed is moved to the end, then the rest removed
            tidying = asyncio.ensure_future(works.delayed._book.tidy())
            await works.quiet()
            assert tidying.done()
        page = await storage.read(JOURNAL, after=0, through=9999, limit=9999, max_bytes=1 << 20)
    assert page is not None
    assert len(page.messages) == 5
    async with life(storage) as works:
        reader = works.subscriber()
        await at(works, 100)
    assert [payload for _, payload in payloads(reader)] == [0, 4, 8, 12, 16]


async def test_a_journal_that_began_anew_is_written_afresh() -> None:
    storage = HeldStorage(Durability.DISK)
    async with life(storage) as works:
        await keep(works, 1, "x")
        await storage.delete(JOURNAL)
        works.bus.streams.adopt([await storage.restart(JOURNAL, "another")])
        tidying = asyncio.ensure_future(works.delayed._book.tidy())
        await works.quiet()
        assert tidying.done()
    async with life(storage) as works:
        assert len(works.delayed.schedule) == 1


async def test_a_record_that_cannot_be_read_stops_the_start() -> None:
    storage = HeldStorage(Durability.DISK)
    async with life(storage) as works:
        works.bus.post(works.hub.own("delayed"), b'{"t":"later"}', lambda _: None)
        await works.quiet()
    with pytest.raises(StorageError, match="_arqonbus:delayed: record 1 can't be read"):
        async with life(storage):
            pass


@pytest.mark.parametrize(
    ("settings", "limit"),
    [({"messages_per_tenant": 2}, "messages"), ({"bytes_per_tenant": 400}, "bytes")],
)
async def test_what_a_tenant_may_have_waiting(settings: dict[str, int], limit: str) -> None:
    async with life(waiting=DelayedSettings.model_validate(settings)) as works:
        await keep(works, 1, "a" * 20)
        await keep(works, 1, "b" * 20)
        with pytest.raises(LimitError, match=rf"delayed\.{limit}_per_tenant"):
            await keep(works, 1, "c" * 20)
        await at(works, 1)
        await keep(works, 2, "c" * 20)
        assert works.delayed.schedule.of("default")[0] == 1
        await at(works, 2)
        assert works.delayed.schedule.of("default") == (0, 0)
