"""From memory back to the store, oldest first."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from arqonbus.errors import StorageError
from arqonbus.model.address import Address
from arqonbus.model.ids import new_epoch
from arqonbus.storage.fallback.buffer import Buffer
from arqonbus.storage.interface import (
    Adopt,
    ChannelAppend,
    CommitResult,
    Lowered,
    Storage,
    StreamLostError,
)

log = structlog.get_logger(__name__)


class WriteBack:
    """Empties the buffer while new messages still come into it.

    It ends under any load: once little is left, or once twice as much was written as there was at
    the beginning, `holding` asks that nothing more is taken into the buffer.
    """

    def __init__(self, primary: Storage, buffer: Buffer) -> None:
        self.holding = False
        self._primary = primary
        self._buffer = buffer
        self._under_way: asyncio.Future[CommitResult] | None = None
        self._restarted: set[Address] = set()

    @property
    def idle(self) -> bool:
        """Whether the primary has none of the buffer's messages in hand."""
        return self._under_way is None

    async def run(self, adopt: Adopt) -> None:
        """Write until the buffer is empty; it is when this returns, without a turn between.

        Raises:
            StorageError: something could not be written; it is still in the buffer.
        """
        await self.landed()
        self._restarted.clear()
        left = 2 * self._buffer.appends
        try:
            while self._buffer.streams:
                batch = self._buffer.next_batch()
                left -= len(batch)
                self.holding = left < 0 or len(batch) == self._buffer.appends
                if batch:
                    await self._write(batch, adopt)
                else:
                    await self._create(next(iter(self._buffer.streams)), adopt)
        finally:
            self.holding = False

    async def landed(self) -> None:
        """Wait for what a cancelled run left in the primary's hands."""
        if self._under_way is not None:
            await asyncio.shield(self._under_way)

    async def _write(self, batch: Sequence[ChannelAppend], adopt: Adopt) -> None:
        result = await asyncio.shield(self._handed_in(batch))
        if isinstance(result, Lowered):
            raise StorageError(f"the store reaches only {result.durability.wire} now")
        errors = [result] * len(batch) if isinstance(result, StorageError) else result
        others = [e for e in errors if e is not None and not isinstance(e, StreamLostError)]
        if others:
            raise others[0]
        failed = dict(zip((item.address for item in batch), errors, strict=True))
        for address in [address for address, error in failed.items() if error is not None]:
            await self._restart(address, adopt)

    def _handed_in(self, batch: Sequence[ChannelAppend]) -> asyncio.Future[CommitResult]:
        done: asyncio.Future[CommitResult] = asyncio.get_running_loop().create_future()

        def settle(result: CommitResult) -> None:
            self._under_way = None
            if not isinstance(result, Lowered | StorageError):
                self._buffer.written(batch, result)
            done.set_result(result)

        self._under_way = done
        self._primary.append(batch, settle)
        return done

    async def _restart(self, address: Address, adopt: Adopt) -> None:
        """The primary lost positions: what is here goes behind what is left, in a new epoch."""
        if address in self._restarted:
            raise StorageError("the store loses a stream again and again", detail=address.path)
        self._restarted.add(address)
        log.error("a stream was lost while the store was away", channel=address.path)
        info = await self._primary.restart(address, new_epoch())
        adopt([self._buffer.behind(info)])

    async def _create(self, address: Address, adopt: Adopt) -> None:
        stream = self._buffer.streams[address]
        info = await self._primary.create(address, stream.epoch)
        if info.epoch != stream.epoch:
            adopt([self._buffer.behind(info)])
        if not stream.chunks:
            self._buffer.discard(address)
