"""One failure or one stream too many cost others their receipts, ids, or the news of a loss."""

from __future__ import annotations

from collections.abc import Sequence

from unit.arqonbus.bus.fakes import JSON, NOON
from unit.arqonbus.groups.stage import delayed_frame, life

from arqonbus.bus.clock import rfc3339
from arqonbus.errors import ArqonBusError, ErrorCode
from arqonbus.model.address import Address
from arqonbus.storage.interface import StoredKey


async def test_one_who_waits_and_fails_costs_nobody_a_receipt() -> None:
    def broken(_result: int | ArqonBusError) -> None:
        raise KeyError("a detail")

    async with life() as works:
        source = works.peer("c_source")
        for number, refused in enumerate((False, True)):
            works.bus.post(works.hub.own("journal"), b'"p"', broken)
            works.send(source, "x", id=f"m{number}")
            await works.ticks()
            if refused:
                works.storage.refuse()
            await works.quiet()
        assert [ack["request_id"] for ack in source.acks] == ["m0"]
        assert [request_id for _, request_id in source.errors] == ["m1"]
        errors = works.registry.get_sample_value("arqonbus_internal_errors_total", {"where": "bus"})
        assert errors == 2


async def test_the_ids_of_a_stream_that_comes_while_others_are_read_are_known() -> None:
    async with life() as works:
        source = works.peer("c_source")
        for name in "cd":
            works.send(source, "x", channel=name, id=f"{name}1")
        await works.quiet()
        channels = [works.hub.existing(Address("r", name)) for name in "cd"]
        infos = [await works.storage.restart(channel.address, "e2") for channel in channels]
        newest_keys = works.storage.newest_keys

        async def slow(address: Address, limit: int) -> Sequence[StoredKey]:
            works.bus.streams.adopt(infos[1:])
            return await newest_keys(address, limit)

        works.storage.newest_keys = slow  # type: ignore[method-assign] # held up by the test
        works.bus.streams.adopt(infos[:1])
        await works.bus.look_after()
        assert all(c.ids.find(f"{c.address.channel}1") for c in channels)


async def test_a_delayed_message_without_receipt_is_not_lost_in_silence() -> None:
    async with life() as works:
        peer = works.peer("c_1")
        frame = delayed_frame("x", rfc3339(NOON + 1_000_000), qos=0)
        works.delayed.accept(peer, JSON, frame)
        await works.ticks()
        works.storage.refuse()
        ((error, request_id),) = peer.errors
        works.delayed.accept(peer, JSON, frame)
        await works.quiet()
    assert (error.code, request_id) == (ErrorCode.STORAGE_UNAVAILABLE, None)
    assert "r:c" in error.message
    assert peer.acks == []
