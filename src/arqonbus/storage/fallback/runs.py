"""Whether the run before ended with all in the store that it had ever taken.

A process that dies while the store is away takes positions with it that were delivered and
acknowledged at level memory. The next run would give the same positions to other messages, and
nobody who resumes could tell. So each run leaves a mark at its beginning and one at its end, in a
channel of the bus' own; where the last one is missing, all streams go on in new epochs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from arqonbus.errors import StorageError
from arqonbus.model.address import SYSTEM_ROOM, Address
from arqonbus.model.durability import Durability
from arqonbus.model.ids import new_epoch
from arqonbus.model.stream import StreamInfo
from arqonbus.storage.interface import ChannelAppend, CommitResult, Lowered, Storage

MARKS = Address(SYSTEM_ROOM, "runs")

log = structlog.get_logger(__name__)


class Runs:
    """Marks in the primary: an odd number of them says that a run began and did not end."""

    def __init__(self, primary: Storage) -> None:
        self._primary = primary
        self._epoch = ""
        self._count = 0

    async def begin(self, infos: Sequence[StreamInfo]) -> Sequence[StreamInfo]:
        """Mark the beginning; the streams as they go on in this run.

        Raises:
            StorageError: the store failed; this can be tried again.
        """
        self._epoch, self._count = new_epoch(), 0
        streams = self.besides(infos)
        if self._count % 2 == 0:
            await self._mark(b"begun")
            return streams
        log.error("the run before ended with messages only in memory, or was killed: new epochs")
        return [await self._gone_on(info) for info in streams]

    async def settle(self, infos: Sequence[StreamInfo]) -> Sequence[StreamInfo]:
        """What a run in mode strict does with the marks of one before it in mode degraded.

        Raises:
            StorageError: the store failed; this can be tried again.
        """
        self._epoch, self._count = new_epoch(), 0
        streams = self.besides(infos)
        if self._count % 2:
            log.error("a run in mode degraded ended with messages only in memory: new epochs")
            streams = [await self._gone_on(info) for info in streams]
            await self._mark(b"ended")
        return streams

    def besides(self, infos: Sequence[StreamInfo]) -> Sequence[StreamInfo]:
        """The streams without that of the marks, which may be lost as others are."""
        for info in infos:
            if info.address == MARKS:
                self._epoch, self._count = info.epoch, info.last_seq
        return [info for info in infos if info.address != MARKS]

    async def go_on(self) -> None:
        """Mark the beginning anew if the mark was lost.

        Raises:
            StorageError: the store failed; this can be tried again.
        """
        if self._count % 2 == 0:
            await self._mark(b"begun")

    async def end(self) -> None:
        """Mark that everything taken is in the store; nothing may be in flight.

        Raises:
            StorageError: the store failed; the next run will take this one for a broken one.
        """
        await self._mark(b"ended")

    async def _gone_on(self, info: StreamInfo) -> StreamInfo:
        if info.address.room == SYSTEM_ROOM:
            return info
        return await self._primary.restart(info.address, new_epoch())

    async def _mark(self, body: bytes) -> None:
        mark = ChannelAppend(MARKS, self._epoch, self._count, 1, [body])
        # A store that fell in level says so before it takes anything: once for each level at most.
        for _ in Durability:
            result = await self._committed(mark)
            if not isinstance(result, Lowered):
                break
        else:
            raise StorageError("the store falls in level again and again")
        for error in [result] if isinstance(result, StorageError) else result:
            if error is not None:
                raise error
        self._count += 1

    async def _committed(self, mark: ChannelAppend) -> CommitResult:
        done: asyncio.Future[CommitResult] = asyncio.get_running_loop().create_future()
        self._primary.append([mark], done.set_result)
        return await asyncio.shield(done)
