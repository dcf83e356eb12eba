"""Hands a group's tasks to its workers: reads ahead, records attempts, sends, takes back."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import msgspec
import structlog

from arqonbus.bus.clock import rfc3339
from arqonbus.errors import ArqonBusError, StorageError
from arqonbus.groups.burial import Burial
from arqonbus.groups.records import Lost, Restarted
from arqonbus.protocol import VERSION, wire
from arqonbus.protocol.outbound import Gap

if TYPE_CHECKING:
    from arqonbus.bus.bus import Bus
    from arqonbus.groups.group import Group
    from arqonbus.groups.tasks import Task
    from arqonbus.storage.interface import Page
    from arqonbus.telemetry.metrics import Metrics

_PAGE = 256
_PAGE_BYTES = 256 * 1024
# How long to wait after the store failed, and at most, so that a clock that jumped is noticed.
_PAUSE = 1.0
_SHORTEST = 0.002
# How often to look whether a worker that reads slowly has room again.
_SLOW = 0.05

log = structlog.get_logger(__name__)


class Pump:
    """One task of the event loop for a group; `max_pending` bounds what it has offered and is not
    settled.
    """

    def __init__(self, group: Group, bus: Bus, metrics: Metrics, max_pending: int) -> None:
        self._group = group
        self._bus = bus
        self._metrics = metrics
        self._max_pending = max_pending
        # Bodies of what was read ahead, by position.
        self._bodies: dict[int, bytes] = {}
        self._ahead = 0
        self._burial = Burial(group, bus, self._body)

    async def run(self) -> None:
        """Work whenever there is something to do; ends by being cancelled."""
        group = self._group
        while True:
            group.wake.clear()
            try:
                await self._step()
            except ArqonBusError as error:
                log.warning("a group has to wait", **group.whose, reason=error.message)
                group.failed = True
            except Exception:
                # The task's edge: the group goes on, and what failed is seen.
                log.exception("a group failed", **group.whose)
                self._metrics.internal_error("groups")
                group.failed = True
            await self._rest()

    async def _rest(self) -> None:
        """Until woken, or something is due; what failed is not tried again at once."""
        group = self._group
        if group.failed:
            group.failed = False
            await asyncio.sleep(_PAUSE)
            return
        due = group.state.next_time()
        slow = any(not worker.ready for worker in group.state.workers.values())
        if due is None and not (slow or group.state.spent):
            await group.wake.wait()
            return
        rest = _PAUSE if due is None else max(_SHORTEST, (due - group.clock()) / 1e6)
        seconds = min(rest, _SLOW if slow else _PAUSE)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await group.wake.wait()

    async def _step(self) -> None:
        group, state = self._group, self._group.state
        self._follow_stream()
        await self._send()
        state.expire(group.clock())
        await self._burial.bury()
        for name, peer in group.peers.items():
            state.workers[name].ready = peer.has_room()
        self._hand_out()
        if state.free > 0 and group.channel.last_seq > state.position:
            await self._offer(state.free)
            self._hand_out()

    def _hand_out(self) -> None:
        tasks = self._group.state.take(self._group.clock())
        if tasks:
            self._group.hand(tasks)

    def _follow_stream(self) -> None:
        """The stream began a new epoch: so do the group's positions, and the workers know."""
        group, channel, state = self._group, self._group.channel, self._group.state
        if channel.epoch == state.epoch:
            return
        before = state.epoch
        lost = state.restart(channel.epoch, max(0, channel.first_seq - 1))
        self._bodies.clear()
        self._ahead = state.position
        group.handed.clear()
        group.notes.mark(Restarted(**group.whose, epoch=state.epoch, floor=state.floor))
        log.warning("a group goes on in a new epoch", **group.whose, lost=lost)
        news = {"before": before, "now": state.epoch, "lost": lost}
        for peer in tuple(group.peers.values()):
            peer.notice({"event": "group", **group.label, **news})

    async def _offer(self, count: int) -> None:
        """Offer up to `count` new positions, read ahead in pages; what retention took is lost."""
        state = self._group.state
        if self._ahead <= state.position:
            page = await self._read(state.position, _PAGE, _PAGE_BYTES)
            if page is None:
                return
            if page.info.first_seq > state.position + 1:
                self._lose(state.position + 1, page.info.first_seq - 1)
            for message in page.messages:
                self._bodies[message.seq] = message.body
                self._ahead = message.seq
        room = min(count, self._max_pending - state.unsettled, self._ahead - state.position)
        state.offer(state.position + max(0, room))

    async def _body(self, seq: int) -> bytes | None:
        """The body at a position; None when retention has taken it, which is told.

        Raises:
            StorageError: it can't be read.
        """
        if seq in self._bodies:
            return self._bodies.pop(seq)
        page = await self._read(seq - 1, 1, 1)
        if page is not None and page.messages and page.messages[0].seq == seq:
            return page.messages[0].body
        self._lose(seq, seq)
        return None

    async def _read(self, after: int, limit: int, max_bytes: int) -> Page | None:
        """See `Streams.read`; of the group's epoch and no other.

        Raises:
            StorageError: it can't be read, or another epoch is to be followed first.
        """
        channel = self._group.channel
        if channel.epoch != self._group.state.epoch:
            raise StorageError(f"{channel.address} began a new epoch")
        return await self._bus.streams.read(channel, after=after, limit=limit, max_bytes=max_bytes)

    def _lose(self, first: int, last: int) -> None:
        """Count positions as lost, and tell the workers which."""
        group = self._group
        for seq in [seq for seq in self._bodies if first <= seq <= last]:
            del self._bodies[seq]
        group.state.lose(first, last)
        group.notes.mark(Lost(**group.whose, epoch=group.state.epoch, first=first, last=last))
        log.warning("a group lost messages to retention", **group.whose, first=first, last=last)
        tick = self._bus.tick
        tick.start()
        gap = Gap(
            version=VERSION,
            id=tick.mint().decode(),
            timestamp=tick.text.decode(),
            room=group.channel.address.name,
            channel=group.name[1],
            epoch=group.state.epoch,
            payload={
                "from_seq": first,
                "to_seq": last,
                "reason": "retention",
                "group": group.name[2],
            },
        )
        text = msgspec.json.encode(gap)
        for peer in tuple(group.peers.values()):
            peer.send_json(text)

    async def _send(self) -> None:
        """Send what was recorded to those who still are to have it."""
        group, state = self._group, self._group.state
        while group.handed:
            task = group.handed[0]
            body = await self._body(task.seq) if state.handing(task) else None
            group.handed.pop(0)
            # The worker may have left while the body was read.
            if body is not None and state.handing(task):
                self._send_one(task, body)

    def _send_one(self, task: Task, body: bytes) -> None:
        group, now = self._group, self._group.clock()
        deadline = now + group.terms.visibility
        text = wire.task_json(
            self._head(), task.seq, task.attempt, rfc3339(deadline).encode(), body
        )
        peer = group.peers[task.worker]
        if peer.has_room() and peer.send_json(text):
            group.state.out(task, now, deadline)
            self._metrics.task_sent(again=task.attempt > 1)
        else:
            group.state.workers[task.worker].ready = False
            group.state.undo(task, now)

    def _head(self) -> bytes:
        group, level = self._group, self._bus.hub.durability.wire
        room, (_, channel, name) = group.channel.address.name, group.name
        return wire.task_head(room, channel, self._group.state.epoch, level, name)
