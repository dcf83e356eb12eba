"""What groups remembered wrongly, for ever, or not at all."""

from __future__ import annotations

import asyncio

import pytest
from integration.test_degraded_tasks import life as degraded_life
from support.failing import FailingServer
from unit.arqonbus.bus.fakes import NOON, HeldStorage
from unit.arqonbus.commands.calling import Calls
from unit.arqonbus.groups.stage import TERMS, Worker, Works, life

from arqonbus.delayed import book
from arqonbus.delayed.schedule import Item, Key, Schedule
from arqonbus.errors import StorageError
from arqonbus.groups import burial, engine
from arqonbus.groups.figures import GroupFigures
from arqonbus.groups.pump import Pump
from arqonbus.groups.state import GroupState
from arqonbus.model.address import Address
from arqonbus.model.durability import Durability

RCG = {"room": "r", "channel": "c", "group": "g"}
FAR = 10**12


async def deleted(works: Works, name: str = "g") -> None:
    deleting = asyncio.ensure_future(works.groups.delete(works.groups.get(Address("r", "c"), name)))
    await works.quiet()
    await deleting


async def nacked(works: Works, seq: int) -> None:
    group = works.groups.get(Address("r", "c"), "g")
    asking = asyncio.ensure_future(group.nack("a", [seq], group.state.epoch, 0))
    await works.quiet()
    await asking


async def test_a_deleted_group_whose_whole_was_due_stays_deleted() -> None:
    storage = HeldStorage(Durability.DISK)
    async with life(storage) as works:
        group = await works.group()
        group.notes.base = 0
        deleting = asyncio.ensure_future(works.groups.delete(group))
        await works.ticks()
        tidying = asyncio.ensure_future(works.groups._tidy())
        await works.quiet()
        await asyncio.gather(deleting, tidying)
    async with life(storage) as works:
        assert list(works.groups) == []


async def test_a_letter_stored_after_its_group_ended_settles_nothing_of_the_next_group() -> None:
    storage = HeldStorage(Durability.DISK)
    async with life(storage) as works:
        group, worker = await works.group(), Worker("a")
        group.join(worker, 1)
        await works.publish("x")
        await nacked(works, 1)
        asking = asyncio.ensure_future(group.nack("a", [1], group.state.epoch, 0))
        await works.ticks()
        works.storage.commit()
        await works.ticks()
        await asking
        group.leave("a")
        assert works.storage.held is not None
        assert works.storage.held[0][0].address.channel == "c.dead"
        group.deleted = True
        records = works.journal("groups").end
        await works.quiet()
        assert works.journal("groups").end == records
        group.deleted = False
        group.wake.set()
        await works.quiet()
        assert (group.state.counts.dead, works.hub.existing(Address("r", "c.dead")).last_seq) == (
            1,
            1,
        )


async def test_a_group_can_be_made_with_any_visibility_timeout() -> None:
    calls = Calls()
    for n, seconds in enumerate((2.01, 4.06, 0.0501234)):
        args = RCG | {"group": f"g{n}", "visibility_timeout": seconds}
        joining = asyncio.create_task(calls.payload("group.join", **args))
        while not joining.done():
            calls.wired.turn()
            await asyncio.sleep(0)
        assert abs((await joining)["visibility_timeout"] - seconds) < 1e-6
    await calls.wired.groups.stop()


async def test_a_connection_keeps_no_group_that_it_left() -> None:
    calls = Calls()
    joining = asyncio.create_task(calls.payload("group.join", **RCG))
    while not joining.done():
        calls.wired.turn()
        await asyncio.sleep(0)
    await calls.payload("group.leave", **RCG)
    assert not calls.wired.groups._joined.get("c_1")
    await calls.wired.groups.stop()


async def test_the_books_balance_after_a_group_with_open_tasks_was_deleted() -> None:
    async with life() as works:
        group, worker = await works.group(), Worker("a")
        await works.publish("x", "y")
        works.groups.join(group, worker, 2)
        await works.quiet()
        works.groups.gone("a")
        await deleted(works)
        books = GroupFigures(works.groups).report()
    assert (books["offered"], books["lost"], books["waiting"]) == (2, 2, 0)


def test_settled_tasks_are_not_kept_as_long_as_one_that_is_held() -> None:
    state = GroupState("e", 0, 5)
    state.join("slow", 1)
    state.offer(1)
    state.out(state.take(0)[0], 0, FAR)
    state.join("quick", 1)
    for seq in range(2, 9_000):
        state.offer(seq)
        state.out(state.take(seq)[0], seq, FAR + seq)
        state.ack([seq])
        state.expire(seq)
    assert len(state._deadlines) < 2_000
    assert state.expire(FAR) == 1


def test_cancelled_messages_are_not_kept_until_their_time() -> None:
    schedule = Schedule()
    first = Item(0, Key("r", "c", "first"), 10, b"x")
    schedule.add(first)
    schedule.queue(first)
    for number in range(1, 9_000):
        item = Item(number, Key("r", "c", str(number)), FAR, b"x")
        schedule.add(item)
        schedule.queue(item)
        schedule.remove(item)
    assert len(schedule._order) < 2_000
    assert (schedule.pop(9), schedule.pop(10), schedule.pop(FAR)) == (None, first, None)


async def test_journals_do_not_grow_because_they_cannot_be_shortened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine, "_SLACK", 3)
    monkeypatch.setattr(book, "_SLACK", -50)
    server = FailingServer()
    async with degraded_life(server) as bus:
        group, worker = await bus.make("g"), Worker("a")
        group.join(worker, 50)
        for n in range(20):
            await bus.keep("x", 100 + n)
            await bus.publish("x")
            await group.ack("a", [n + 1], group.state.epoch)
        server.down = True
        await bus.publish("y")
        lengths = []
        for _ in range(6):
            for tidy in (bus.groups._tidy, bus.delayed._book.tidy):
                try:
                    await tidy()
                except StorageError:
                    await bus.quiet()
            lengths.append((bus.groups._journal.length, bus.delayed._journal.length))
        assert lengths[-1] == lengths[1]


async def test_a_journal_that_failed_to_be_read_when_the_store_was_back_is_read_later() -> None:
    server = FailingServer()
    async with degraded_life(server) as bus:
        await bus.make("old")
        await bus.keep("first", 10)
    server.down = True
    async with degraded_life(server) as bus:
        server.down = False
        await bus.bus.look_after()
        server.down = True
        for tidy in (bus.groups._tidy, bus.delayed._book.tidy):
            with pytest.raises(StorageError):
                await tidy()
        server.down = False
        await bus.come_back()
        assert [group.name[2] for group in bus.groups] == ["old"]
        assert len(bus.delayed.schedule) == 1
        assert bus.micros == NOON


async def test_tasks_go_on_while_there_is_no_channel_for_dead_letters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(burial, "_PAUSE", 0.001)
    async with life() as works:
        group, worker = await works.group(), Worker("a")
        group.join(worker, 1)
        await works.publish("x")
        works.hub._auto_create = False
        for _ in range(2):
            await nacked(works, 1)
        await works.publish("y")
        assert (worker.tasks, group.state.spent) == ([(1, 1), (1, 2), (2, 1)], {1: 2})
        works.hub._auto_create = True
        while group.state.spent:
            await asyncio.sleep(0.001)
            group.wake.set()
            await works.quiet()
    assert group.state.counts.dead == 1


async def test_a_body_of_the_next_epoch_is_not_taken_for_a_task_of_this_one() -> None:
    async with life() as works:
        group = await works.group(terms=TERMS)
        await works.publish("x")
        before = group.state.epoch
        group.channel.epoch = "another"
        with pytest.raises(StorageError, match="new epoch"):
            await Pump(group, works.bus, works.bus._metrics, 9)._body(1)
        group.channel.epoch = before
