"""The store around another one: degraded, written back, and never wrong meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from support.failing import FailingServer, Kept
from unit.arqonbus.storage.driver import Bus

from arqonbus.errors import StorageError
from arqonbus.model.address import SYSTEM_ROOM, Address
from arqonbus.model.durability import Durability
from arqonbus.storage.fallback.runs import MARKS
from arqonbus.storage.interface import ChannelAppend, StoredKey

A, B = Address("r", "a"), Address("r", "b")


async def test_a_primary_that_is_there_takes_everything() -> None:
    bus = await Bus().open()
    assert await bus.put(A, b"1", b"2") is Durability.DISK
    await bus.probe()
    assert (bus.store.problem(), bus.store.shortfall()) == (None, None)
    assert bus.server.bodies(A) == await bus.history(A) == [b"1", b"2"]
    await bus.store.close()


@pytest.mark.parametrize("stored", [True, False], ids=["stored all the same", "not stored"])
async def test_memory_takes_over_and_gives_back_in_order(*, stored: bool) -> None:
    bus = await Bus().open()
    await bus.put(A, b"1", b"2")
    bus.server.down, bus.server.outcomes = True, [stored]
    assert await bus.put(A, b"3") is Durability.MEMORY
    await bus.put(B, b"x")
    await bus.put(A, b"4", b"5")
    assert bus.store.problem() is None
    assert "the server is down" in str(bus.store.shortfall())
    await bus.probe()
    assert await bus.put(A, b"6") is Durability.MEMORY
    bus.server.down = False
    await bus.probe()
    assert await bus.put(A, b"7") is Durability.DISK
    assert bus.server.bodies(A) == [b"1", b"2", b"3", b"4", b"5", b"6", b"7"]
    assert bus.server.bodies(B) == [b"x"]
    assert bus.adopted == []
    order = [item.bodies[0] for batch in bus.server.batches[-2:] for item in batch]
    assert order == [b"3", b"x", b"4", b"6", b"7"]
    await bus.store.close()


async def test_a_probe_finds_that_the_primary_is_away() -> None:
    bus = await Bus().open()
    levels = []
    for down in (True, False):
        bus.server.down = down
        await bus.probe()
        levels.append(bus.store.durability)
    assert levels == [Durability.MEMORY, Durability.DISK]
    await bus.store.close()


async def test_a_lower_level_of_the_primary_is_passed_on() -> None:
    bus = await Bus().open()
    bus.server.lowered = [Durability.REMOTE]
    assert await bus.put(A, b"1") is Durability.REMOTE
    assert bus.server.bodies(A) == [b"1"]
    assert bus.store.shortfall() == "the server's settings"
    await bus.store.close()


async def test_a_level_that_fell_before_the_start_is_no_reason_to_go_on_without() -> None:
    server = FailingServer()
    server.lowered = [Durability.REMOTE]
    bus = await Bus(server).open()
    assert await bus.put(A, b"1") is Durability.REMOTE
    await bus.store.close()
    server.lowered = [Durability.REMOTE] * 9
    assert (await Bus(server).open()).store.durability is Durability.MEMORY


async def test_what_was_there_before_can_be_read_only_if_the_primary_can() -> None:
    bus = await Bus().open()
    await bus.put(A, b"1", b"2", **{"2": "k2"})
    bus.server.full, bus.server.outcomes = True, [True]
    await bus.put(A, b"3", b"4", **{"4": "k4"})
    assert await bus.history(A) == [b"1", b"2", b"3", b"4"]
    assert await bus.history(A, limit=1) == [b"1", b"2", b"3", b"4"]
    assert await bus.history(A, limit=3) == [b"1", b"2", b"3", b"4"]
    both = [StoredKey(2, "k2", b"2"), StoredKey(4, "k4", b"4")]
    assert list(await bus.store.newest_keys(A, 5)) == both
    assert list(await bus.store.newest_keys(A, 1)) == both[1:]
    assert [await bus.store.position_at(A, time) for time in (0, 1, 2, 3)] == [0, 0, 2, 4]
    bus.server.down = True
    assert await bus.history(A, after=2) == [b"3", b"4"]
    assert await bus.store.position_at(A, 3) == 4
    for reading in (
        bus.history(A),
        bus.history(A, after=1),
        bus.store.position_at(A, 2),
        bus.store.newest_keys(A, 5),
    ):
        with pytest.raises(StorageError, match="can't be read at present"):
            await reading
    await bus.store.close()


@pytest.mark.parametrize("left", [None, 1], ids=["all is gone", "the tail is gone"])
async def test_a_page_never_bridges_what_the_primary_lost(left: int | None) -> None:
    bus = await Bus().open()
    await bus.put(A, b"1", b"2")
    bus.server.full = True
    await bus.put(A, b"3")
    if left is None:
        del bus.server.streams[A]
    else:
        bus.server.streams[A].cut(left)
    with pytest.raises(StorageError, match="can't be read at present"):
        await bus.history(A)
    bus.server.full = False
    await bus.store.close()


async def test_a_page_bounded_in_bytes_ends_in_the_primary() -> None:
    bus = await Bus().open()
    await bus.put(A, b"11", b"22", b"33")
    bus.server.full = True
    await bus.put(A, b"4")
    page = await bus.store.read(A, after=0, through=4, limit=9, max_bytes=5)
    assert page is not None
    assert ([message.seq for message in page.messages], page.more) == ([1, 2], True)
    await bus.store.close()


async def test_the_state_without_messages_is_told_from_memory() -> None:
    bus = await Bus().open()
    await bus.put(A, b"1", b"2")
    bus.server.down = True
    await bus.put(A, b"3")
    page = await bus.store.read(A, after=0, through=0, limit=1, max_bytes=1)
    assert page is not None
    assert (page.messages, page.info.first_seq, page.info.last_seq) == ((), 1, 3)
    await bus.store.close()


async def test_a_full_buffer_refuses_and_keeps_what_it_took() -> None:
    bus = await Bus(room=10).open()
    bus.server.down = True
    await bus.put(A, b"12345678")
    with pytest.raises(StorageError, match="buffer of degraded mode is full"):
        await bus.put(A, b"123")
    assert "full" in str(bus.store.problem())
    await bus.put(A, b"12")
    assert bus.store.problem() is None
    with pytest.raises(StorageError):
        await bus.put(B, b"1")
    assert bus.store.problem() is not None
    bus.server.down = False
    await bus.probe()
    assert bus.store.problem() is None
    assert bus.server.bodies(A) == [b"12345678", b"12"]
    await bus.store.close()


async def test_a_start_without_the_primary_finds_its_streams_later() -> None:
    server = FailingServer()
    server.streams = {A: Kept("old"), B: Kept("old")}
    for kept in server.streams.values():
        kept.append(ChannelAppend(A, "old", 0, 50, [b"1", b"2"]))
    server.down = True
    bus = await Bus(server).open()
    assert bus.ends == {}
    await bus.put(A, b"3")
    with pytest.raises(StorageError):
        await bus.store.delete(A)
    assert (await bus.store.create(Address("r", "c"), "new")).last_seq == 0
    server.down = False
    await bus.probe()
    assert {info.address: (info.epoch, info.last_seq) for info in bus.adopted} == {
        A: ("old", 3),
        B: ("old", 2),
    }
    assert server.bodies(A) == await bus.history(A) == [b"1", b"2", b"3"]
    assert server.streams[A].messages[3][0] == 50
    assert server.streams[Address("r", "c")].epoch == "new"
    assert bus.store.durability is Durability.DISK
    await bus.store.close()


@pytest.mark.parametrize("left", [None, 1], ids=["all is gone", "the tail is gone"])
async def test_a_stream_that_was_lost_meanwhile_goes_on_in_a_new_epoch(left: int | None) -> None:
    bus = await Bus().open()
    await bus.put(A, b"1", b"2")
    bus.server.down = True
    await bus.put(A, b"3", b"4")
    old = bus.ends[A][0]
    if left is None:
        bus.server.streams.clear()
    else:
        bus.server.streams[A].cut(left)
    bus.server.down = False
    await bus.probe()
    expected = [b"3", b"4"] if left is None else [b"1", b"3", b"4"]
    assert bus.server.bodies(A) == await bus.history(A) == expected
    assert [(info.address, info.last_seq) for info in bus.adopted] == [(A, len(expected))]
    assert bus.ends[A][0] != old
    assert await bus.put(A, b"5") is Durability.DISK
    await bus.store.close()


@pytest.mark.parametrize("burst", [100, 2000], ids=["less than is written", "more"])
async def test_new_messages_do_not_keep_the_write_back_from_its_end(burst: int) -> None:
    bus = await Bus().open()
    bus.server.down = True
    for n in range(3000):
        await bus.put(A, b"%d" % n)
    bus.server.down = False
    count, levels = 3000, []

    async def publish() -> None:
        nonlocal count
        while Durability.DISK not in levels:
            await asyncio.sleep(0)
            for _ in range(burst):
                levels.append(await bus.put(A, b"%d" % count))
                count += 1

    await asyncio.gather(bus.probe(), publish())
    assert levels == sorted(levels)
    assert bus.server.bodies(A) == [b"%d" % n for n in range(count)]
    assert max(sum(len(i.bodies) for i in batch) for batch in bus.server.batches) <= 1024
    await bus.store.close()


async def test_an_append_during_the_last_round_waits_and_is_handed_in_again() -> None:
    bus = await Bus().open()
    bus.server.down = True
    await bus.put(A, b"1")
    await bus.put(A, b"2")
    bus.server.streams[A] = Kept("another")
    bus.server.down = False
    results: list[asyncio.Task[Durability]] = []

    def meanwhile(_: Sequence[ChannelAppend]) -> None:
        bus.server.at_commit = None
        results.append(asyncio.get_running_loop().create_task(bus.put(A, b"3")))

    bus.server.at_commit = meanwhile
    await bus.probe()
    assert await results[0] is Durability.DISK
    assert bus.server.bodies(A) == [b"1", b"2", b"3"]
    assert [info.last_seq for info in bus.adopted] == [2]
    await bus.store.close()


async def test_a_write_back_that_fails_keeps_the_rest_and_goes_on_later() -> None:
    bus = await Bus().open()
    bus.server.down = True
    for n in range(2500):
        await bus.put(A, b"%d" % n)
    bus.server.down = False
    seen = len(bus.server.batches)

    def fail(_: Sequence[ChannelAppend]) -> None:
        if len(bus.server.batches) == seen + 1:
            bus.server.down, bus.server.outcomes = True, [True]

    bus.server.at_commit = fail
    await bus.probe()
    assert bus.store.durability is Durability.MEMORY
    assert len(bus.server.bodies(A)) == 2048
    await bus.put(A, b"2500")
    bus.server.at_commit, bus.server.down = None, False
    await bus.probe()
    assert bus.server.bodies(A) == [b"%d" % n for n in range(2501)]
    assert bus.adopted == []
    await bus.store.close()


@pytest.mark.parametrize("then", ["up", "down", "down until the commit"])
async def test_a_cancelled_probe_leaves_everything_in_order(then: str) -> None:
    bus = await Bus().open()
    bus.server.down = True
    await bus.put(A, b"1")
    bus.server.down, bus.server.turns = False, 20
    probing = asyncio.get_running_loop().create_task(bus.probe())
    bus.server.at_append = probing.cancel
    with pytest.raises(asyncio.CancelledError):
        await probing
    bus.server.at_append = lambda: None
    assert await bus.put(A, b"2") is Durability.MEMORY
    bus.server.down = then != "up"
    if then == "down until the commit":
        bus.server.at_commit = lambda _: bus.server.come_up()
    await bus.store.close()
    held = bus.server.bodies(A) if A in bus.server.streams else []
    assert (held, bus.not_kept) == (([], [2]) if then == "down" else ([b"1", b"2"], []))


async def test_an_opening_that_is_cancelled_can_be_tried_again() -> None:
    bus = await Bus(FailingServer(down=True)).open()
    await bus.put(A, b"1")
    bus.server.down = False
    probing = asyncio.get_running_loop().create_task(bus.probe())
    bus.server.at_append = probing.cancel
    with pytest.raises(asyncio.CancelledError):
        await probing
    bus.server.at_append = lambda: None
    await bus.store.close()
    assert bus.server.bodies(A) == [b"1"]


async def test_what_only_the_primary_can_do_is_refused_while_it_is_away() -> None:
    bus = await Bus().open()
    await bus.put(A, b"1")
    bus.server.down = True
    await bus.put(A, b"2")
    for refused in (
        bus.store.delete(A),
        bus.store.restart(A, "new"),
        bus.store.drop(A, 1),
        bus.store.delete(B),
        bus.store.trim(9),
    ):
        with pytest.raises(StorageError):
            await refused
    await bus.put(B, b"x")
    assert (await bus.store.restart(B, "new")).epoch == "new"
    assert await bus.store.delete(B) is True
    bus.server.down = False
    await bus.probe()
    assert B not in bus.server.streams
    assert await bus.store.delete(A) is True
    await bus.store.close()


async def test_closing_writes_what_can_be_written() -> None:
    bus = await Bus().open()
    bus.server.down = True
    await bus.put(A, b"1")
    bus.server.down = False
    await bus.store.close()
    await bus.store.close()
    assert bus.server.bodies(A) == [b"1"]
    assert bus.not_kept == []
    with pytest.raises(StorageError, match="closed"):
        await bus.put(A, b"2")


async def test_closing_counts_what_cannot_be_kept() -> None:
    bus = await Bus().open()
    await bus.put(A, b"1")
    old = bus.ends[A][0]
    bus.server.down = True
    await bus.put(A, b"2", b"3")
    await bus.put(Address(SYSTEM_ROOM, "journal"), b"j")
    await bus.store.close()
    await bus.store.close()
    assert bus.not_kept == [2]
    bus.server.down = False
    again = await Bus(bus.server).open()
    # The lost positions were given: in this epoch nobody may get them again.
    assert again.ends[A] != (old, 1)
    assert again.ends[A][1] == 1
    await again.store.close()


async def test_epochs_stay_when_the_run_before_ended_with_all_in_the_store() -> None:
    bus = await Bus().open()
    await bus.put(A, b"1")
    bus.server.down = True
    await bus.put(A, b"2")
    bus.server.down = False
    await bus.probe()
    await bus.store.close()
    again = await Bus(bus.server).open()
    assert again.ends == bus.ends
    assert MARKS not in again.ends
    await again.store.close()
