"""When a bus without sockets has nothing left to do."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from arqonbus.app.build import App
from arqonbus.bus.clock import Clock
from arqonbus.groups.group import Group
from arqonbus.groups.tasks import Stage
from support.whole_bus import Client

LIMIT = 30


async def quiet(app: App, clients: Iterable[Client], clock: Clock) -> None:
    """Wait until all that came in is answered and all that is due by `clock` was done."""
    now = clock()
    sessions = [client.session for client in clients]
    for group in app.services.groups:
        group.wake.set()
    app.services.delayed._book.wake.set()
    async with asyncio.timeout(LIMIT):
        for _ in range(3):
            await asyncio.sleep(0)
            while not (  # noqa: ASYNC110 - there is no event to wait for
                app.bus.idle
                and all(session._task is None and not session._inbox for session in sessions)
                and not any(_works(group, now) for group in app.services.groups)
                and not _delivers(app, now)
            ):
                await asyncio.sleep(0)


def _works(group: Group, now: int) -> bool:
    state = group.state
    if group.wake.is_set() or group.handed or state.spent:
        return True
    if any(held.stage is not Stage.OUT for held in state.held.values()):
        return True
    due = state.next_time()
    return (due is not None and due <= now) or (
        state.free > 0 and group.channel.last_seq > state.position
    )


def _delivers(app: App, now: int) -> bool:
    schedule = app.services.delayed.schedule
    due = schedule.next_time()
    return (due is not None and due <= now) or any(item.busy for item in schedule)
