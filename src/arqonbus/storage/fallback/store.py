"""A store that may go away: what comes meanwhile is kept in memory and written back.

What holds at any time:

- The primary has at most one append in hand: the bus' own, or one of the write-back, never both.
- Once a commit of the bus failed, everything goes into the buffer until the buffer is empty again:
  no position is given by the primary before all positions below it are there.
- A stream's buffered part begins right behind what the primary is known to hold. What it may hold
  beyond, from a commit of unknown outcome, is replaced by the write-back (see `ChannelAppend`).
- A message leaves the buffer when the primary has committed it, or counted as not kept.
- A stream that the primary holds in another epoch, or no longer whole, is never overwritten: the
  buffered part goes behind what is there, and `adopt` is told in the same moment.
- Once another bus took the primary over nothing is taken any more, since it could never be written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

import structlog

from arqonbus.errors import StorageError
from arqonbus.model.address import SYSTEM_ROOM, Address
from arqonbus.model.capability import Capability
from arqonbus.model.durability import Durability
from arqonbus.model.stream import StreamInfo
from arqonbus.storage.chunks import Stream
from arqonbus.storage.fallback.buffer import Buffer
from arqonbus.storage.fallback.reads import Range, Reads
from arqonbus.storage.fallback.runs import Runs
from arqonbus.storage.fallback.writeback import WriteBack
from arqonbus.storage.interface import (
    Adopt,
    ChannelAppend,
    CommitResult,
    Lowered,
    OnCommit,
    Page,
    Storage,
    StoredKey,
    StreamLostError,
    UnusableStoreError,
)

log = structlog.get_logger(__name__)


class FallbackStorage:
    """Implements `storage.interface.Storage` around another one.

    `on_not_kept` is called with the number of messages that were taken at level memory and could
    not be written when the store was closed.
    """

    def __init__(
        self, primary: Storage, *, max_buffer_bytes: int, on_not_kept: Callable[[int], None]
    ) -> None:
        self._primary = primary
        self._on_not_kept = on_not_kept
        self._buffer = Buffer(max_buffer_bytes)
        self._write_back = WriteBack(primary, self._buffer)
        self._reads = Reads(primary, self._buffer)
        self._runs = Runs(primary)
        # Why memory takes what comes; None while the primary does.
        self._away: str | None = None
        # Why nothing is taken at all any more: what memory took now could never be written.
        self._unusable: UnusableStoreError | None = None
        self._opened = self._closed = False
        self._held: OnCommit | None = None
        self._probing = asyncio.Lock()
        self._settled = asyncio.Event()
        self._settled.set()

    @property
    def durability(self) -> Durability:
        """See `Storage.durability`."""
        return self._primary.durability if self._away is None else Durability.MEMORY

    @property
    def capabilities(self) -> frozenset[Capability]:
        """See `Storage.capabilities`: the primary's."""
        return self._primary.capabilities

    async def open(self) -> Sequence[StreamInfo]:
        """See `Storage.open`; a primary that can't be opened is no error here: no streams then. One
        that must not be used is.
        """
        try:
            return await self._open()
        except UnusableStoreError as error:
            self._unusable = error
            raise
        except StorageError as error:
            self._go_on_without(error.message, error.detail)
            return []

    async def _open(self) -> Sequence[StreamInfo]:
        try:
            infos = await self._runs.begin(await self._primary.open())
        except (StorageError, asyncio.CancelledError):
            await self._primary.close()
            raise
        self._opened = True
        self._saw(infos)
        return infos

    async def close(self) -> None:
        """See `Storage.close`; one last attempt to write what is only in memory."""
        await self._settled.wait()
        await self._write_back.landed()
        if self._away is not None and not self._closed:
            with suppress(UnusableStoreError):
                await self.probe(lambda _: None)
        self._closed = True
        await self._settled.wait()
        if self._away is None and self._opened:
            await self._end()
        self._opened = False
        self._count_not_kept()
        await self._primary.close()

    async def _end(self) -> None:
        try:
            await self._runs.end()
        except StorageError as error:
            log.warning("the end of this run is not marked", reason=str(error))

    def append(self, batch: Sequence[ChannelAppend], on_commit: OnCommit) -> None:
        """See `Storage.append`."""
        if self._closed:
            on_commit(StorageError("the store is closed"))
        elif self._unusable is not None:
            on_commit(self._unusable)
        elif self._write_back.holding:
            self._held = on_commit
        elif self._away is not None:
            on_commit(self._buffer.take(batch))
        else:
            self._append(batch, on_commit)

    def _append(self, batch: Sequence[ChannelAppend], on_commit: OnCommit) -> None:
        def settle(result: CommitResult) -> None:
            self._settled.set()
            if isinstance(result, UnusableStoreError):
                self._unusable = result
            elif isinstance(result, StorageError) and not isinstance(result, StreamLostError):
                self._go_on_without(result.message, result.detail)
                result = Lowered(Durability.MEMORY)
            on_commit(result)

        for item in batch:
            self._reads.first_known.setdefault(item.address, 1)
        self._settled.clear()
        self._primary.append(batch, settle)

    async def create(self, address: Address, epoch: str) -> StreamInfo:
        """See `Storage.create`."""
        if self._away is None:
            return self._joined(await self._primary.create(address, epoch))
        if address in self._reads.first_known and address not in self._buffer.streams:
            raise self._refusal(address)
        return self._buffer.begun(address, epoch, 0).info(address)

    async def restart(self, address: Address, epoch: str) -> StreamInfo:
        """See `Storage.restart`."""
        if self._away is None:
            return self._joined(await self._primary.restart(address, epoch))
        stream = self._only_here(address)
        stream.epoch = epoch
        return stream.info(address)

    async def delete(self, address: Address) -> bool:
        """See `Storage.delete`."""
        if self._away is None:
            deleted = await self._primary.delete(address)
            self._reads.first_known.pop(address, None)
            return deleted
        self._only_here(address)
        self._buffer.discard(address)
        return True

    async def read(
        self, address: Address, *, after: int, through: int, limit: int, max_bytes: int
    ) -> Page | None:
        """See `Storage.read`."""
        return await self._reads.page(address, Range(after, through, limit, max_bytes))

    async def position_at(self, address: Address, timestamp: int) -> int | None:
        """See `Storage.position_at`."""
        return await self._reads.position_at(address, timestamp)

    async def newest_keys(self, address: Address, limit: int) -> Sequence[StoredKey]:
        """See `Storage.newest_keys`."""
        return await self._reads.newest_keys(address, limit)

    async def drop(self, address: Address, through: int) -> None:
        """See `Storage.drop`."""
        if self._away is not None:
            raise self._refusal(address)
        await self._primary.drop(address, through)

    async def trim(self, now: int) -> int:
        """See `Storage.trim`: what is not written yet stays, whatever its age."""
        return await self._primary.trim(now) if self._opened else 0

    async def probe(self, adopt: Adopt) -> None:
        """See `Storage.probe`; the buffer is written back as soon as the primary is there."""
        async with self._probing:
            problem = await self._reach(adopt)
            if problem is None and self._away is not None:
                await self._come_back(adopt)
            # A commit under way says itself whether it came through.
            elif problem is not None and self._settled.is_set():
                self._go_on_without(problem)

    async def _reach(self, adopt: Adopt) -> str | None:
        """Open or probe the primary; why it takes no messages."""
        try:
            if self._opened:
                await self._primary.probe(
                    lambda infos: self._tell(self._runs.besides(infos), adopt)
                )
            else:
                self._tell(await self._open(), adopt)
        except StorageError as error:
            # One that could never be opened may still become this bus' own.
            if self._opened and isinstance(error, UnusableStoreError):
                self._unusable = error
                raise
            return error.message
        return self._primary.problem()

    async def _come_back(self, adopt: Adopt) -> None:
        try:
            await self._runs.go_on()
            await self._write_back.run(adopt)
        except UnusableStoreError:
            raise
        except StorageError as error:
            self._go_on_without(error.message)
        else:
            self._away = None
            log.info("the store is back, and has what memory took meanwhile")
        finally:
            held, self._held = self._held, None
            if held is not None:
                # Handed in again it goes where it belongs now, in the epoch that is valid now.
                held(Lowered(self.durability))

    def problem(self) -> str | None:
        """See `Storage.problem`."""
        if self._unusable is not None:
            return self._unusable.message
        if self._away is None:
            return self._primary.problem()
        return "the buffer of degraded mode is full" if self._buffer.full else None

    def shortfall(self) -> str | None:
        """See `Storage.shortfall`."""
        if self._away is None:
            return self._primary.shortfall()
        return f"kept in memory until the store is back: {self._away}"

    def _go_on_without(self, reason: str, detail: str = "") -> None:
        if self._away is None:
            log.error(
                "the store is away: what comes is kept in memory", reason=reason, detail=detail
            )
        self._away = reason

    def _tell(self, infos: Sequence[StreamInfo], adopt: Adopt) -> None:
        """Pass on what changed in the primary, with what is buffered behind it."""
        self._saw(infos)
        streams = self._buffer.streams
        changed = [
            info
            for info in infos
            if info.address not in streams or streams[info.address].epoch != info.epoch
        ]
        if changed:
            adopt([self._buffer.behind(info) for info in changed])

    def _joined(self, info: StreamInfo) -> StreamInfo:
        self._saw([info])
        return self._buffer.behind(info)

    def _saw(self, infos: Sequence[StreamInfo]) -> None:
        self._reads.first_known.update((info.address, info.first_seq) for info in infos)

    def _only_here(self, address: Address) -> Stream:
        """A stream that is in the buffer and, for certain, not in the primary.

        Raises:
            StorageError: it is not so.
        """
        stream = self._buffer.streams.get(address)
        known = address in self._reads.first_known or not self._opened
        if stream is None or known or not self._write_back.idle:
            raise self._refusal(address)
        return stream

    def _refusal(self, address: Address) -> StorageError:
        return StorageError(f"{address} can't be changed while the store is away: {self._away}")

    def _count_not_kept(self) -> None:
        counts = self._buffer.counts()
        self._buffer.clear()
        if not counts:
            return
        lost = sum(n for address, n in counts.items() if address.room != SYSTEM_ROOM)
        self._on_not_kept(lost)
        channels = {address.path: count for address, count in counts.items()}
        log.error("messages kept in memory are lost", messages=lost, channels=channels)
