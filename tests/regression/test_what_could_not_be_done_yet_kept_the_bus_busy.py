"""What waits for something that may take long was tried again and again at full cost."""

from __future__ import annotations

import pytest
from integration.test_degraded_tasks import life as degraded_life
from support.failing import FailingServer
from support.waiting import until
from unit.arqonbus.bus.fakes import JSON, NOON
from unit.arqonbus.groups.stage import Worker, delayed_frame, life

from arqonbus.bus.clock import rfc3339
from arqonbus.delayed import delivery
from arqonbus.model.address import Address

SECOND = 1_000_000


async def test_a_commit_does_not_wake_a_group_that_nobody_has_joined() -> None:
    async with life() as works:
        group, worker = await works.group(), Worker("a")
        group.wake.clear()
        await works.publish("x")
        assert not group.wake.is_set()
        group.join(worker, 1)
        await works.quiet()
        assert worker.tasks == [(1, 1)]


async def test_a_delayed_message_whose_level_is_not_reached_is_tried_seldom(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delivery, "_PAUSE", 0.001)
    server = FailingServer()
    async with degraded_life(server) as bus:
        frame = delayed_frame("x", rfc3339(NOON + SECOND), require="disk")
        assert bus.delayed.accept(bus.peer, JSON, frame)
        await bus.quiet()
        server.down = True
        await bus.publish("y")
        await bus.at(81)
        channel = bus.bus.hub.existing(Address("r", "c"))
        (item,) = bus.delayed.schedule
        assert (channel.last_seq, item.due) == (1, NOON + 91 * SECOND)
        await bus.at(3601)
        assert item.due == NOON + 3661 * SECOND
        server.down = False
        await bus.come_back()
        bus.micros = item.due
        await until(lambda: len(bus.delayed.schedule) == 0)
        assert channel.last_seq == 2
