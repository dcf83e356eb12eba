"""Dead letters: what was handed out too often goes to a channel of its own, then is settled."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec
import structlog

from arqonbus.errors import ArqonBusError, StorageError
from arqonbus.groups.memory import replay
from arqonbus.groups.records import Dead
from arqonbus.protocol import wire

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from arqonbus.bus.bus import Bus
    from arqonbus.groups.group import Group
    from arqonbus.routing.hub import Channel


# How long to wait when the channel for dead letters can't be had.
_PAUSE = 1.0

log = structlog.get_logger(__name__)


class Burial:
    """First the dead letter is stored, then the task is settled: a crash in between repeats the
    letter under its key, which the dedup window makes one. The others don't wait for it.
    """

    def __init__(
        self, group: Group, bus: Bus, body: Callable[[int], Awaitable[bytes | None]]
    ) -> None:
        self._group = group
        self._bus = bus
        self._body = body
        self._under_way: set[tuple[str, int]] = set()
        self._not_before = 0.0

    async def bury(self) -> None:
        """Begin with all tasks that are spent.

        Raises:
            StorageError: the store can't be read.
        """
        group, now = self._group, asyncio.get_running_loop().time()
        if not group.state.spent or now < self._not_before:
            return
        try:
            for seq, attempts in tuple(group.state.spent.items()):
                await self._begin(seq, attempts)
        except StorageError:
            raise
        except ArqonBusError as error:
            self._not_before = now + _PAUSE
            log.warning("dead letters have to wait", **group.whose, reason=error.message)

    async def _begin(self, seq: int, attempts: int) -> None:
        state = self._group.state
        if (state.epoch, seq) not in self._under_way:
            body = await self._body(seq)
            if body is not None and seq in state.spent:
                letters = self._group.channel.address._replace(
                    channel=self._group.terms.dead_letter
                )
                target = self._bus.hub.obtain(letters)
                self._post(target, seq, attempts, body)

    def _post(self, target: Channel, seq: int, attempts: int, body: bytes) -> None:
        group, epoch = self._group, self._group.state.epoch
        _, channel, name = group.name
        about = {
            **group.label,
            "seq": seq,
            "epoch": epoch,
            "attempts": attempts,
            "reason": "max_attempts",
        }
        record = Dead(**group.whose, epoch=epoch, seq=seq)
        self._under_way.add((epoch, seq))

        def stored(result: int | ArqonBusError) -> None:
            if isinstance(result, ArqonBusError):
                recorded(result)
            elif group.deleted:
                # Behind the group's end it would be a record of the next one of this name.
                self._under_way.discard((epoch, seq))
            else:
                group.notes.write(record, recorded)

        def recorded(result: int | ArqonBusError) -> None:
            self._under_way.discard((epoch, seq))
            if isinstance(result, ArqonBusError):
                group.failed = True
            else:
                replay(group.state, record)
            group.wake.set()

        # NUL keeps it apart from every client's key.
        key = f"\0dead\0{channel}\0{name}\0{epoch}\0{seq}"
        letter = wire.with_note(body, "dead_letter", msgspec.json.encode(about))
        self._bus.post(target, letter, stored, key=key)
