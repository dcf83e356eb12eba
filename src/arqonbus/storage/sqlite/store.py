"""Streams in one SQLite file: write-ahead log, fsynced before every receipt, one writer."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import structlog

from arqonbus.errors import StorageError
from arqonbus.model.address import Address
from arqonbus.model.capability import Capability
from arqonbus.model.durability import Durability
from arqonbus.model.stream import StreamInfo
from arqonbus.storage.interface import (
    Adopt,
    ChannelAppend,
    CommitResult,
    OnCommit,
    Page,
    StoredKey,
)
from arqonbus.storage.retention import Retention
from arqonbus.storage.sqlite.ahead import Ahead, extended
from arqonbus.storage.sqlite.appends import apply, put
from arqonbus.storage.sqlite.files import Files, opened
from arqonbus.storage.sqlite.journal import HALF, Batch, record_of
from arqonbus.storage.sqlite.queries import (
    INFO,
    before,
    drop_through,
    ensure_channel,
    info_of,
    newest_keys,
    of_row,
    page,
)
from arqonbus.storage.sqlite.schema import check_whole, journal_of, mark_written, streams
from arqonbus.storage.sqlite.worker import Worker

log = structlog.get_logger(__name__)

T = TypeVar("T")


class SqliteStorage:
    """Implements `storage.interface.Storage`.

    A commit is one record in the journal, fsynced before its receipt; many of them are put into the
    tables at once, in one transaction with ``synchronous=FULL``. What does not simply go on where
    its stream ends is committed to the tables themselves, once they have all that came before.
    Writing, journaling and reading have a thread each.
    """

    durability = Durability.DISK
    capabilities = frozenset(Capability)

    def __init__(
        self, path: Path, retention: Retention, *, max_pages: int | None = None, half: int = HALF
    ) -> None:
        """Name the file; nothing is opened yet. `max_pages` bounds the file, as a quota would;
        `half` is the size of each half of a new journal.
        """
        self._files = Files(path, max_pages, half)
        self._retention = retention
        self._problem: str | None = "not open"
        self._writer: Worker | None = None
        self._reader: Worker | None = None
        self._flusher: Worker | None = None
        self._ahead: Ahead | None = None
        self._direct: asyncio.Task[None] | None = None
        # Epoch and last position of the streams that a journaled append may go on.
        self._ends: dict[Address, tuple[str, int]] = {}
        # Streams that are being changed in the tables: what comes meanwhile waits its turn there.
        self._changing: Counter[Address] = Counter()

    async def open(self) -> Sequence[StreamInfo]:
        """See `Storage.open`."""
        self._writer, self._reader = Worker("sqlite-writer"), Worker("sqlite-reader")
        self._flusher = Worker("sqlite-journal")
        try:
            generation, infos = await self._writer.call(self._open_writer)
            await self._reader.call(self._files.open_reader)
        except OSError as error:
            raise StorageError(f"{self._files.path}: {error.strerror or error}") from error
        self._ends = {info.address: (info.epoch, info.last_seq) for info in infos}
        self._ahead = Ahead(generation, self._files.journal.half, self._apply)
        self._problem = None
        return infos

    async def close(self) -> None:
        """See `Storage.close`."""
        self._problem = self._problem or "closed"
        await self._finish()
        for worker, close in (
            (self._reader, self._files.close_reader),
            (self._writer, self._files.close_writer),
        ):
            if worker is not None:
                await worker.call(close)
                await worker.stop()
        self._reader = self._writer = None

    async def _finish(self) -> None:
        """Have the tables take everything; what they refuse stays in the journal."""
        ahead, self._ahead = self._ahead, None
        if self._flusher is not None:
            await self._flusher.call(lambda: None)
            await self._flusher.stop()
            self._flusher = None
        if self._direct is not None:
            await self._direct
        if ahead is not None:
            try:
                await ahead.drained()
                await opened(self._writer).call(self._files.unneeded)
            except (StorageError, OSError) as error:
                log.warning("the journal is still needed", reason=str(error))

    def append(self, batch: Sequence[ChannelAppend], on_commit: OnCommit) -> None:
        """See `Storage.append`: what goes on where its streams end is journaled."""
        if self._ahead is None:
            asyncio.get_running_loop().call_soon(on_commit, StorageError("the store is closed"))
        elif not (self._continues(batch) and self._journaled(self._ahead, batch, on_commit)):
            self._direct = asyncio.create_task(self._put(self._ahead, batch, on_commit))

    def _continues(self, batch: Sequence[ChannelAppend]) -> bool:
        ends, changing = self._ends, self._changing
        return all(
            item.address not in changing and ends.get(item.address) == (item.epoch, item.after)
            for item in batch
        )

    def _journaled(self, ahead: Ahead, batch: Sequence[ChannelAppend], on_commit: OnCommit) -> bool:
        """Have the batch fsynced in the journal, if it has room."""
        generation = ahead.generation
        record = record_of(generation, batch)
        offset = ahead.room(len(record))
        if offset is None:
            return False
        journal, loop = self._files.journal, asyncio.get_running_loop()

        def settle(error: OSError | None) -> None:
            if error is None:
                ahead.written(batch, len(record))
                self._settle(batch, [None] * len(batch), on_commit)
            else:
                ahead.refused()
                refused = StorageError(f"the journal refused: {error.strerror or error}")
                self._settle(batch, refused, on_commit)

        def job() -> None:
            failure: OSError | None = None
            try:
                journal.write(generation, offset, record)
            except OSError as error:
                failure = error
            loop.call_soon_threadsafe(settle, failure)

        opened(self._flusher).put(job)
        return True

    async def _put(self, ahead: Ahead, batch: Sequence[ChannelAppend], on_commit: OnCommit) -> None:
        """Commit the batch to the tables themselves, after all that was journaled."""
        result: CommitResult
        try:
            await ahead.drained()
            result = await opened(self._writer).call(lambda: self._commit(batch))
        except StorageError as error:
            result = error
        except Exception as error:
            log.exception("a commit failed")
            result = StorageError(f"the store failed: {type(error).__name__}")
        self._settle(batch, result, on_commit)

    def _settle(
        self, batch: Sequence[ChannelAppend], result: CommitResult, on_commit: OnCommit
    ) -> None:
        refused = result if isinstance(result, StorageError) else None
        self._problem = None if refused is None else refused.message
        errors = result if isinstance(result, Sequence) else [refused] * len(batch)
        for item, error in zip(batch, errors, strict=True):
            if error is None:
                self._ends[item.address] = (item.epoch, item.after + len(item.bodies))
            else:
                self._ends.pop(item.address, None)
        on_commit(result)

    async def create(self, address: Address, epoch: str) -> StreamInfo:
        """See `Storage.create`."""

        def work() -> StreamInfo:
            connection = self._files.write
            with connection:
                ensure_channel(connection, address, epoch)
                return _known(connection, address)[1]

        info = await self._alone(address, work)
        self._ends[address] = (info.epoch, info.last_seq)
        return info

    async def restart(self, address: Address, epoch: str) -> StreamInfo:
        """See `Storage.restart`."""

        def work() -> StreamInfo:
            connection = self._files.write
            with connection:
                ensure_channel(connection, address, epoch)
                connection.execute(
                    "UPDATE channels SET epoch = ? WHERE room = ? AND channel = ?",
                    (epoch, *address),
                )
                return _known(connection, address)[1]

        info = await self._alone(address, work)
        self._ends[address] = (info.epoch, info.last_seq)
        return info

    async def delete(self, address: Address) -> bool:
        """See `Storage.delete`."""

        def work() -> bool:
            connection = self._files.write
            with connection:
                found = info_of(connection, address)
                if found is None:
                    return False
                connection.execute("DELETE FROM messages WHERE channel_id = ?", found[:1])
                connection.execute("DELETE FROM channels WHERE id = ?", found[:1])
                return True

        return await self._alone(address, work)

    async def _alone(self, address: Address, work: Callable[[], T]) -> T:
        """Change a stream in the tables, which have all that was journaled; appends wait their turn
        behind.
        """
        self._changing[address] += 1
        try:
            # An append under way is in no half yet, and one that was refused may be on the disk.
            await opened(self._flusher).call(lambda: None)
            await opened(self._ahead).drained()
            return await opened(self._writer).call(work)
        finally:
            self._changing -= Counter([address])
            self._ends.pop(address, None)

    async def _drained(self, address: Address) -> None:
        """Wait until the tables have what was acknowledged of a stream."""
        ahead = opened(self._ahead)
        if ahead.holds(address):
            await ahead.drained()

    async def read(
        self, address: Address, *, after: int, through: int, limit: int, max_bytes: int
    ) -> Page | None:
        """See `Storage.read`."""

        def work() -> Page | None:
            connection = self._files.read
            connection.execute("BEGIN")
            try:
                return page(connection, address, after, through, limit, max_bytes)
            finally:
                connection.execute("ROLLBACK")

        try:
            await self._drained(address)
        except StorageError:
            # The disk may be full: what the journal holds is there to be read all the same.
            waiting = opened(self._ahead).waiting(address)
            found = await opened(self._reader).call(work)
            return found and extended(found, waiting, after, through, limit, max_bytes)
        return await opened(self._reader).call(work)

    async def position_at(self, address: Address, timestamp: int) -> int | None:
        """See `Storage.position_at`."""

        def work() -> int | None:
            connection = self._files.read
            found = info_of(connection, address)
            return None if found is None else before(connection, *found, timestamp)

        await self._drained(address)
        return await opened(self._reader).call(work)

    async def drop(self, address: Address, through: int) -> None:
        """See `Storage.drop`."""

        def work() -> None:
            connection = self._files.write
            with connection:
                found = info_of(connection, address)
                if found is not None:
                    drop_through(connection, *found, min(through, found[1].last_seq))

        await self._drained(address)
        await opened(self._writer).call(work)

    async def trim(self, now: int) -> int:
        """See `Storage.trim`."""
        if self._retention.max_age is None:
            return 0
        oldest = now - int(self._retention.max_age * 1_000_000)

        def work() -> int:
            connection = self._files.write
            removed = 0
            with connection:
                for row in connection.execute(INFO).fetchall():
                    channel_id, info = of_row(row)
                    if self._retention.spares(info.address):
                        continue
                    last = before(connection, channel_id, info, oldest)
                    removed += drop_through(connection, channel_id, info, last)
            return removed

        await opened(self._ahead).drained()
        return await opened(self._writer).call(work)

    async def newest_keys(self, address: Address, limit: int) -> Sequence[StoredKey]:
        """See `Storage.newest_keys`."""
        await self._drained(address)
        return await opened(self._reader).call(
            lambda: newest_keys(self._files.read, address, limit)
        )

    async def probe(self, adopt: Adopt) -> None:  # noqa: ARG002 - one process owns the file
        """See `Storage.probe`: a refused commit is tried again with one that changes nothing."""
        if self._ahead is None:
            return
        if self._problem is None:
            failure = self._ahead.failure
            self._problem = None if failure is None else failure.message
            return

        def work() -> None:
            with self._files.write as connection:
                mark_written(connection)

        try:
            await self._ahead.drained()
            await opened(self._writer).call(work)
        except StorageError as error:
            self._problem = error.message
        else:
            self._problem = None

    def problem(self) -> str | None:
        """See `Storage.problem`."""
        return self._problem

    def shortfall(self) -> str | None:
        """See `Storage.shortfall`."""
        return None

    def _open_writer(self) -> tuple[int, list[StreamInfo]]:
        """The journal's generation that the tables hold, and what they hold."""
        self._files.open_writer()
        # First: damaged tables take nothing more.
        check_whole(self._files.write, self._files.path)
        return self._recovered(), streams(self._files.write, self._files.path)

    def _recovered(self) -> int:
        """Put into the tables what only the journal has; the generation then reached."""
        connection = self._files.write
        generation, _ = journal_of(connection)
        for later, batches in self._files.journal.after(generation):
            with connection:
                apply(connection, self._retention, later, batches)
            generation = later
        return generation

    async def _apply(self, generation: int, batches: list[Batch]) -> None:
        def work() -> None:
            with self._files.write as connection:
                apply(connection, self._retention, generation, batches)

        await opened(self._writer).call(work)

    def _commit(self, batch: Sequence[ChannelAppend]) -> list[StorageError | None]:
        # The connection rolls back whatever raised, the commit itself included.
        with self._files.write as connection:
            return [put(connection, self._retention, [item]) for item in batch]


def _known(connection: sqlite3.Connection, address: Address) -> tuple[int, StreamInfo]:
    """A channel of which the caller made sure that it is there."""
    found = info_of(connection, address)
    if found is None:
        raise StorageError(f"{address}: not in the store")
    return found
