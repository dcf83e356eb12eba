"""Groups on a bus whose store commits, refuses and forgets when a test says so."""

from __future__ import annotations

import asyncio

import pytest
from unit.arqonbus.bus.fakes import HeldStorage, payloads
from unit.arqonbus.groups.stage import TERMS, Worker, Works, life

from arqonbus.errors import ArqonBusError, ErrorCode, StorageError
from arqonbus.groups import engine, pump
from arqonbus.groups.figures import GroupFigures
from arqonbus.groups.group import Group
from arqonbus.groups.memory import whole
from arqonbus.model.address import SYSTEM_ROOM, Address
from arqonbus.model.durability import Durability

JOURNAL = Address(SYSTEM_ROOM, "groups")


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pump, "_PAUSE", 0.001)


async def test_an_ack_that_the_store_refuses_is_refused_and_the_task_stays() -> None:
    async with life() as works:
        group, worker = await works.group(), Worker("a")
        group.join(worker, 1)
        await works.publish("x")
        asking = asyncio.ensure_future(group.ack("a", [1], group.state.epoch))
        await works.ticks()
        works.storage.refuse()
        with pytest.raises(StorageError, match="the disk is full"):
            await asking
        again = asyncio.ensure_future(group.ack("a", [1], group.state.epoch))
        await works.quiet()
    assert (again.result().done, group.state.floor, worker.tasks) == ((1,), 1, [(1, 1)])


async def test_an_attempt_that_the_store_refuses_is_not_sent_and_not_counted() -> None:
    async with life() as works:
        group, worker = await works.group(), Worker("a")
        await works.publish("x")
        group.join(worker, 1)
        await works.ticks()
        works.storage.refuse()
        assert (worker.frames, group.state.held) == ([], {})
        while not worker.frames:
            await asyncio.sleep(0.001)
            works.settle()
    assert worker.tasks == [(1, 1)]


async def test_a_task_that_no_outbox_takes_is_not_counted_and_goes_to_the_next() -> None:
    async with life() as works:
        group, stuck, other = await works.group(), Worker("a"), Worker("b")
        stuck.full = True
        group.join(stuck, 1)
        await works.publish("x")
        group.leave("a")
        group.join(other, 1)
        while not other.frames:
            await asyncio.sleep(0.001)
            works.settle()
    assert (stuck.tasks, other.tasks) == ([], [(1, 1)])


async def test_a_worker_that_leaves_while_its_attempt_is_recorded_gets_nothing() -> None:
    async with life() as works:
        group, first, second = await works.group(), Worker("a"), Worker("b")
        await works.publish("x")
        works.groups.join(group, first, 1)
        await works.ticks()
        works.groups.gone("a")
        group.join(second, 1)
        await works.quiet()
    assert (first.tasks, second.tasks) == ([], [(1, 1)])


async def test_only_what_is_committed_becomes_a_task() -> None:
    async with life() as works:
        group, worker = await works.group(), Worker("a")
        group.join(worker, 9)
        source = works.peer("c_source")
        works.send(source, "x")
        await works.ticks()
        assert worker.frames == []
        works.storage.refuse()
        await works.quiet()
        assert worker.frames == []
        await works.publish("y")
    assert [frame["payload"] for frame in worker.frames] == ["y"]


async def test_a_new_epoch_voids_the_tasks_and_the_group_goes_on_in_it() -> None:
    async with life() as works:
        group, worker = await works.group(), Worker("a")
        group.join(worker, 2)
        await works.publish("x", "y")
        before = group.state.epoch
        info = await works.storage.restart(group.channel.address, "another")
        works.bus.streams.adopt([info])
        with pytest.raises(ArqonBusError, match="void") as refused:
            await group.ack("a", [1], before)
        await works.quiet()
        await works.publish("z")
        counts = group.state.counts
    assert refused.value.code is ErrorCode.CONFLICT
    (notice,) = worker.notices
    assert (notice["event"], notice["before"], notice["now"]) == ("group", before, "another")
    assert notice["lost"] == 2
    assert [(f["epoch"], f["seq"]) for f in worker.frames[2:]] == [("another", 1), ("another", 2)]
    assert (counts.offered, counts.lost, group.state.balanced) == (4, 2, True)


async def test_what_retention_takes_before_its_redelivery_is_lost_and_told() -> None:
    async with life() as works:
        group, worker = await works.group(), Worker("a")
        group.join(worker, 1)
        await works.publish("x", "y")
        await works.storage.drop(group.channel.address, 1)
        back = asyncio.ensure_future(group.nack("a", [1], group.state.epoch, 0))
        await works.quiet()
    assert back.done()
    kinds = [(f["type"], f.get("seq") or f["payload"]["to_seq"]) for f in worker.frames]
    assert kinds == [("task", 1), ("gap", 1), ("task", 2)]
    assert (group.state.floor, group.state.counts.lost) == (1, 1)


async def spend(works: Works, group: Group) -> None:
    """Both attempts given back; the dead letter is being stored."""
    while not group.state.spent:
        await works.quiet()
        back = asyncio.ensure_future(group.nack("a", [1], group.state.epoch, 0))
        await works.ticks()
        works.storage.commit()
        await works.ticks()
        assert back.done()


async def test_a_dead_letter_is_settled_only_when_it_is_stored() -> None:
    async with life() as works:
        group, worker = await works.group(), Worker("a")
        letters = works.subscriber("c.dead")
        group.join(worker, 1)
        await works.publish("x")
        await spend(works, group)
        assert group.state.spent == {1: 2}
        works.storage.refuse()
        await works.ticks()
        assert (group.state.counts.dead, letters.positions) == (0, [])
        while not group.state.counts.dead:
            await asyncio.sleep(0.001)
            works.settle()
    assert payloads(letters) == [(1, "x")]
    assert (group.state.floor, group.state.balanced) == (1, True)


async def test_a_crash_between_dead_letter_and_its_record_makes_no_second_one() -> None:
    storage = HeldStorage(Durability.DISK)
    async with life(storage) as works:
        group, worker = await works.group(), Worker("a")
        group.join(worker, 1)
        await works.publish("x")
        await spend(works, group)
        works.storage.commit()
        await works.ticks()
        assert works.hub.obtain(Address("r", "c.dead")).last_seq == 1
        assert group.state.counts.dead == 0
    async with life(storage) as works:
        await works.quiet()
        group = works.groups.get(Address("r", "c"), "g")
        last = works.hub.obtain(Address("r", "c.dead")).last_seq
    assert (last, group.state.counts.dead, group.state.floor) == (1, 1, 1)


async def test_the_journal_is_shortened_and_tells_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine, "_SLACK", 4)
    storage = HeldStorage(Durability.DISK)
    async with life(storage) as works:
        group, worker = await works.group(), Worker("a")
        await works.group(name="h", after=3)
        gone = await works.group(name="i")
        deleting = asyncio.ensure_future(works.groups.delete(gone))
        await works.quiet()
        assert deleting.done()
        group.join(worker, 3)
        for seq in range(1, 31):
            await works.publish(seq)
            if seq % 3:
                asking = asyncio.ensure_future(group.ack("a", [seq], group.state.epoch))
                await works.quiet()
                assert asking.done()
            if seq == 9:
                group.leave("a")
                group.join(worker, 30)
        for _ in range(2):
            await works.groups._tidy()
            await works.quiet()
        told = {one.name: whole(one.name, TERMS, one.state) for one in works.groups}
        page = await storage.read(JOURNAL, after=0, through=9999, limit=9999, max_bytes=1 << 20)
    assert page is not None
    assert len(page.messages) < 10
    async with life(storage) as works:
        again = {one.name: whole(one.name, TERMS, one.state) for one in works.groups}
    assert again == told
    assert len(told) == 2


async def test_a_journal_that_began_anew_is_written_afresh() -> None:
    storage = HeldStorage(Durability.DISK)
    async with life(storage) as works:
        group, worker = await works.group(), Worker("a")
        group.join(worker, 1)
        await works.publish("x")
        await storage.delete(JOURNAL)
        info = await storage.restart(JOURNAL, "another")
        works.bus.streams.adopt([info])
        await works.groups._tidy()
        await works.quiet()
    async with life(storage) as works:
        group = works.groups.get(Address("r", "c"), "g")
        assert group.state.waiting[1].attempts == 1


@pytest.mark.parametrize("record", [b"{}", b'{"t":"acked"}', b"[1", b'{"t":"other","room":"r"}'])
async def test_a_record_that_cannot_be_read_stops_the_start(record: bytes) -> None:
    storage = HeldStorage(Durability.DISK)
    async with life(storage) as works:
        await works.group()
        works.bus.post(works.hub.own("groups"), record, lambda _: None)
        await works.quiet()
    with pytest.raises(StorageError, match="_arqonbus:groups: record 2 can't be read"):
        async with life(storage):
            pass


async def test_the_books_of_all_groups_balance_also_over_a_deletion() -> None:
    async with life() as works:
        figures = GroupFigures(works.groups)
        group, worker = await works.group(), Worker("a")
        group.join(worker, 2)
        await works.publish(1, 2, 3)
        asking = asyncio.ensure_future(group.ack("a", [1], group.state.epoch))
        await works.quiet()
        assert asking.done()
        now = figures.report()
        group.leave("a")
        deleting = asyncio.ensure_future(works.groups.delete(group))
        await works.quiet()
        assert deleting.done()
        then = figures.report()
        names = {sample.name for metric in figures.collect() for sample in metric.samples}
    assert now == {
        "groups": 1,
        "workers": 1,
        "offered": 3,
        "acked": 1,
        "dead": 0,
        "lost": 0,
        "in_flight": 2,
        "waiting": 0,
        "balanced": True,
    }
    assert (then["offered"], then["acked"], then["groups"]) == (3, 1, 0)
    assert "arqonbus_group_tasks_total" in names
