"""Dead letters: what was handed out too often goes to a channel of its own, then is settled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from arqonbus.errors import ArqonBusError
from arqonbus.groups.memory import replay
from arqonbus.groups.records import Dead
from arqonbus.protocol import wire

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from arqonbus.bus.bus import Bus
    from arqonbus.groups.group import Group


class Burial:
    """First the dead letter is stored, then the task is settled: a crash in between repeats the
    letter under its key, which the dedup window makes one.
    """

    def __init__(
        self, group: Group, bus: Bus, body: Callable[[int], Awaitable[bytes | None]]
    ) -> None:
        self._group = group
        self._bus = bus
        self._body = body
        self._under_way: set[tuple[str, int]] = set()

    async def bury(self) -> None:
        """Begin with all tasks that are spent.

        Raises:
            ArqonBusError: the channel for dead letters can't be had, or the store can't be read.
        """
        group = self._group
        for seq, attempts in tuple(group.state.spent.items()):
            if (group.state.epoch, seq) in self._under_way:
                continue
            body = await self._body(seq)
            if body is not None and seq in group.state.spent:
                self._post(seq, attempts, body)

    def _post(self, seq: int, attempts: int, body: bytes) -> None:
        group, epoch = self._group, self._group.state.epoch
        room, channel, name = group.name
        about = {
            "room": room,
            "channel": channel,
            "seq": seq,
            "epoch": epoch,
            "group": name,
            "attempts": attempts,
            "reason": "max_attempts",
        }
        target = self._bus.hub.obtain(room, group.terms.dead_letter)
        record = Dead(**group.label, epoch=epoch, seq=seq)
        self._under_way.add((epoch, seq))

        def stored(result: int | ArqonBusError) -> None:
            if isinstance(result, ArqonBusError):
                recorded(result)
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
