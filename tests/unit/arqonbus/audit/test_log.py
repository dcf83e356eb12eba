"""The chain through refusals of the store, crashes, losses and floods."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from unit.arqonbus.audit.lives import STREAM, admin, disk, life, refusal
from unit.arqonbus.bus.fakes import NOON

from arqonbus.audit import backlog
from arqonbus.audit.records import GENESIS, digest, entry
from arqonbus.errors import ArqonBusError, ErrorCode
from arqonbus.model.ids import new_epoch
from arqonbus.storage.memory import MemoryStorage

Records = list[dict[str, Any]]


def chained(records: Records) -> bool:
    """Whether each record names the one before, from the first one's `prev` on."""
    prevs = [records[0]["prev"], *(one["hash"] for one in records)]
    return all(
        one["prev"] == prev and one["hash"] == digest(one)
        for one, prev in zip(records, prevs, strict=False)
    ) and [one["position"] for one in records] == list(
        range(records[0]["position"], records[0]["position"] + len(records))
    )


async def test_a_start_begins_a_chain_and_the_next_one_goes_on() -> None:
    storage = disk()
    async with life(storage, clean=True) as one:
        one.events.report(admin())
        await one.quiet()
    async with life(storage) as two:
        records = await two.records()
        told = await two.told()
    assert told == [
        ("audit", "begin"),
        ("mode", "start"),
        ("admin", "revoke"),
        ("mode", "stop"),
        ("mode", "start"),
    ]
    assert records[0]["prev"] == GENESIS
    assert chained(records)
    assert records[1]["detail"] == {"server": "arqonbus/test", "before": "none"}
    assert records[4]["detail"]["before"] == "stopped"


async def test_after_a_kill_the_chain_goes_on_and_says_that_it_was_one() -> None:
    storage = disk()
    async with life(storage) as one:
        await one.meanwhile(one.audit.record_now(admin()))
    async with life(storage) as two:
        records = await two.records()
    assert chained(records)
    assert records[-1]["detail"]["before"] == "killed"


async def test_a_record_holds_what_the_event_said_and_when() -> None:
    async with life() as bus:
        bus.micros = NOON + 1_500_000
        event = admin(
            tenant="acme", subject="ann", client_id="c_1", address="::1", target="bob",
            detail={"sessions": 2},
        )  # fmt: skip
        await bus.meanwhile(bus.audit.record_now(event))
        record = (await bus.records())[-1]
    assert record == {
        "position": 3,
        "time": "2026-01-01T12:00:01.500000Z",
        "kind": "admin",
        "what": "revoke",
        "tenant": "acme",
        "subject": "ann",
        "client_id": "c_1",
        "address": "::1",
        "target": "bob",
        "detail": {"sessions": 2},
        "prev": record["prev"],
        "hash": record["hash"],
    }


async def test_what_the_store_refuses_is_stored_later_in_order() -> None:
    async with life() as bus:
        bus.events.report(admin("first"))
        await bus.ticks()
        bus.events.report(admin("second"))
        bus.storage.refuse()
        await bus.ticks()
        await bus.retry()
        assert (await bus.told())[2:] == [("admin", "first"), ("admin", "second")]
        assert chained(await bus.records())


async def test_what_must_be_recorded_first_is_refused_with_the_store_and_never_recorded() -> None:
    async with life() as bus:
        asked = asyncio.ensure_future(bus.audit.record_now(admin()))
        behind = asyncio.ensure_future(bus.audit.record_now(admin("behind")))
        await bus.ticks()
        assert not asked.done()
        bus.storage.refuse()
        await bus.ticks()
        for one in (asked, behind):
            with pytest.raises(ArqonBusError) as caught:
                await one
            assert caught.value.code == ErrorCode.STORAGE_UNAVAILABLE
        await bus.retry()
        assert [what for _, what in await bus.told()] == ["begin", "start"]
        await bus.meanwhile(bus.audit.record_now(admin("again")))
        assert chained(await bus.records())


async def test_a_log_that_is_closed_refuses_what_must_be_recorded() -> None:
    async with life(clean=True) as bus:
        pass
    with pytest.raises(ArqonBusError, match="closed"):
        await bus.audit.record_now(admin())


@pytest.mark.parametrize("killed", [True, False])
async def test_an_outcome_that_nobody_knew_leaves_one_chain_and_each_record_once(
    *, killed: bool
) -> None:
    """The refused block is in the store all the same; then the bus is killed, or goes on."""
    storage = disk()
    async with life(storage) as bus:
        bus.events.report(admin("unknown"))
        await bus.ticks()
        assert storage.held is not None
        batch = storage.held[0]
        storage.refuse()
        MemoryStorage.append(storage, batch, lambda _: None)
        await bus.ticks()
        if not killed:
            await bus.retry()
    async with life(storage) as bus:
        assert [what for _, what in await bus.told()] == ["begin", "start", "unknown", "start"]
        assert chained(await bus.records())


async def test_a_stream_that_was_lost_begins_a_new_chain_that_names_the_old_head() -> None:
    async with life() as bus:
        await bus.meanwhile(bus.audit.record_now(admin("gone")))
        head = (await bus.records())[-1]
        await bus.storage.delete(STREAM)
        info = await bus.storage.create(STREAM, new_epoch())
        bus.bus.streams.adopt([info])
        await bus.meanwhile(bus.audit.record_now(admin("after")))
        records = await bus.records()
    begin = records[0]
    assert (begin["what"], begin["prev"], begin["position"]) == ("begin", GENESIS, 4)
    assert begin["detail"] == {
        "why": "the stream was lost",
        "old_head": head["hash"],
        "old_position": 3,
    }
    assert chained(records)


async def test_a_new_epoch_that_lost_nothing_breaks_no_chain() -> None:
    async with life() as bus:
        await bus.meanwhile(bus.audit.record_now(admin("kept")))
        bus.bus.streams.adopt([await bus.storage.restart(STREAM, new_epoch())])
        await bus.meanwhile(bus.audit.record_now(admin("after")))
        assert [what for _, what in await bus.told()] == ["begin", "start", "kept", "after"]
        assert chained(await bus.records())


async def test_a_last_record_that_cannot_be_read_begins_a_new_chain() -> None:
    storage = disk()
    async with life(storage) as bus:
        told = asyncio.get_running_loop().create_future()
        bus.bus.post(bus.hub.own("audit"), b"[{}]", told.set_result)
        await bus.quiet()
        assert told.result() == 2
    async with life(storage) as bus:
        head = await bus.audit.head()
    assert head is not None
    assert head[1]["what"] == "start"
    assert head[1]["position"] == 2


async def test_a_flood_is_a_bounded_number_of_records_whose_counts_add_up() -> None:
    async with life(max_per_second=20) as bus:
        flood = 100_000
        for n in range(flood):
            bus.events.report(refusal(tenant="loud", subject=f"s{n % 1000}"))
            if n % 10_000 == 0:
                bus.events.report(refusal(tenant="quiet", subject="one"))
        await bus.close_window()
        records = (await bus.records())[2:]
    assert len(records) <= 20
    assert sum(one.get("count", 1) for one in records) == flood + 10
    assert [one["count"] for one in records if one["tenant"] == "quiet"] == [10]
    assert (
        bus.registry.get_sample_value("arqonbus_security_events_total", {"kind": "refusal"})
        == flood + 10
    )


async def test_what_overflows_is_counted_and_told() -> None:
    async with life() as bus:
        bus.audit._backlog._most = 10
        bus.events.report(admin("0"))
        await bus.ticks()
        for n in range(1, 15):
            bus.micros = NOON + n
            bus.events.report(admin(str(n)))
        assert bus.counted("audit_lost_total") == 4
        await bus.quiet()
        records = (await bus.records())[2:]
    assert [one["what"] for one in records] == [*map(str, range(11)), "lost"]
    lost = records[-1]
    assert (lost["count"], lost["detail"]) == (4, {"kind": "admin"})
    assert (lost["time"][-7:], lost["until"][-7:]) == ("000011Z", "000014Z")
    assert chained(await bus.records())


async def test_refusals_never_take_the_room_of_what_administrators_do() -> None:
    lost: list[int] = []
    waiting = backlog.Backlog(lost.append, most=8)
    for n in range(8):
        waiting.put(entry(refusal(str(n)), 1))
    assert all(waiting.put(entry(admin(), 1)) for _ in range(4))
    assert not waiting.put(entry(admin(), 1))
    assert sum(lost) == 5


async def test_records_that_wait_for_long_make_the_bus_unready() -> None:
    async with life() as bus:
        bus.events.report(admin())
        await bus.ticks()
        bus.storage.refuse()
        await bus.ticks()
        assert bus.audit.problem() is None
        bus.micros += 61_000_000
        problem = bus.audit.problem()
        assert problem is not None
        assert "since 2026-01-01T12:00:00" in problem
        await bus.retry()
        assert bus.audit.problem() is None


async def test_mode_changes_are_recorded() -> None:
    async with life() as bus:
        bus.storage.trouble = "the disk is full"
        bus.bus.condition.look()
        await bus.quiet()
        bus.storage.trouble = None
        bus.bus.condition.look()
        await bus.quiet()
        assert (await bus.told())[2:] == [("mode", "unavailable"), ("mode", "as demanded")]


async def test_growth_is_bounded_and_the_log_says_what_it_dropped() -> None:
    async with life(max_bytes=64 * 1024) as bus:
        for n in range(400):
            await bus.meanwhile(bus.audit.record_now(admin(target=f"{n}" + "x" * 200)))
        before = await bus.records()
        await bus.meanwhile(bus.audit.prune())
        records = await bus.records()
        page = await bus.storage.read(STREAM, after=0, through=10**6, limit=1, max_bytes=1)
    assert page is not None
    assert page.info.size <= 64 * 1024
    assert records[0]["position"] > 1
    assert chained(records)
    (pruned,) = [one for one in records if one["what"] == "pruned"]
    gone = before[records[0]["position"] - 2]
    assert pruned["detail"] == {"through": gone["position"], "hash": gone["hash"]}
    assert records[0]["prev"] == gone["hash"]


async def test_records_beyond_their_age_go_but_never_the_newest() -> None:
    async with life(max_age=60) as bus:
        await bus.meanwhile(bus.audit.record_now(admin()))
        bus.micros += 3600 * 1_000_000
        await bus.meanwhile(bus.audit.prune())
        assert {what for _, what in await bus.told()} == {"pruned"}
        newest = (await bus.records())[-1]
        await bus.meanwhile(bus.audit.prune())
        assert (await bus.records())[-1] == newest
