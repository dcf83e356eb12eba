"""A level that fell after a message with `require` was accepted: it was stored at less, and so
acknowledged, unless it was in the very commit in which the level fell.
"""

from __future__ import annotations

import pytest
from integration.test_degraded_tasks import life as degraded_life
from support.failing import FailingServer
from unit.arqonbus.bus.fakes import JSON, NOON
from unit.arqonbus.groups.stage import delayed_frame, life

from arqonbus.bus.clock import rfc3339
from arqonbus.delayed import delivery
from arqonbus.errors import ErrorCode
from arqonbus.model.address import Address
from arqonbus.model.durability import Durability


async def test_what_waits_behind_the_commit_in_which_the_level_falls_is_refused() -> None:
    async with life() as works:
        source, reader = works.peer("c_source"), works.subscriber()
        works.send(source, "x", id="m0")
        await works.ticks()
        works.send(source, "y", id="m1", require="disk")
        await works.ticks()
        works.storage.lower(Durability.MEMORY)
        await works.quiet()
        assert [ack["request_id"] for ack in source.acks] == ["m0"]
        ((error, request_id),) = source.errors
        assert (error.code, request_id) == (ErrorCode.DURABILITY_NOT_MET, "m1")
        assert reader.positions == [(1, 1)]
        await works.publish("z", id="m2")
        assert [ack["request_id"] for ack in source.acks] == ["m0"]
        assert reader.positions == [(1, 1), (2, 2)]
        assert works.books() == {"published": 3, "stored": 2, "refused": 1, "waiting": 0}


async def test_a_delayed_message_is_not_delivered_below_what_it_requires(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delivery, "_PAUSE", 0.001)
    monkeypatch.setattr(delivery, "_LONGEST", 0.001)
    server = FailingServer()
    async with degraded_life(server) as bus:
        frame = delayed_frame("x", rfc3339(NOON + 1_000_000), require="disk")
        assert bus.delayed.accept(bus.peer, JSON, frame)
        await bus.quiet()
        server.down = True
        await bus.publish("y")
        await bus.at(2)
        channel = bus.bus.hub.existing(Address("r", "c"))
        assert (channel.last_seq, len(bus.delayed.schedule)) == (1, 1)
        server.down = False
        await bus.come_back()
        await bus.at(3)
        assert (channel.last_seq, len(bus.delayed.schedule)) == (2, 0)
