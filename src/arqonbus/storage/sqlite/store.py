"""Streams in one SQLite file: write-ahead log, fsynced before every receipt, one writer."""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

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
    StreamLostError,
    UnusableStoreError,
)
from arqonbus.storage.retention import Retention
from arqonbus.storage.sqlite.queries import (
    INFO,
    before,
    drop_beyond,
    drop_through,
    ensure_channel,
    info_of,
    newest_keys,
    of_row,
    page,
)
from arqonbus.storage.sqlite.schema import check_identity, mark_written, prepare, verified
from arqonbus.storage.sqlite.worker import Worker, refusal

log = structlog.get_logger(__name__)


class SqliteStorage:
    """Implements `storage.interface.Storage`.

    A commit is one transaction with ``synchronous=FULL``, so its receipt means that the log was
    fsynced. Reads have a connection and a thread of their own and never wait behind commits.
    """

    durability = Durability.DISK
    capabilities = frozenset(Capability)

    def __init__(self, path: Path, retention: Retention, *, max_pages: int | None = None) -> None:
        """Name the file; nothing is opened yet. `max_pages` bounds the file, as a quota would."""
        self._path = path
        self._retention = retention
        self._max_pages = max_pages
        self._problem: str | None = "not open"
        self._lock: int | None = None
        self._write: sqlite3.Connection | None = None
        self._read: sqlite3.Connection | None = None
        self._writer: Worker | None = None
        self._reader: Worker | None = None

    async def open(self) -> Sequence[StreamInfo]:
        """See `Storage.open`."""
        self._writer, self._reader = Worker("sqlite-writer"), Worker("sqlite-reader")
        try:
            infos = await self._writer.call(self._open_writer)
            await self._reader.call(self._open_reader)
        except OSError as error:
            raise StorageError(f"{self._path}: {error.strerror or error}") from error
        self._problem = None
        return infos

    async def close(self) -> None:
        """See `Storage.close`."""
        self._problem = self._problem or "closed"
        for worker, close in (
            (self._reader, self._close_reader),
            (self._writer, self._close_writer),
        ):
            if worker is not None:
                await worker.call(close)
                await worker.stop()
        self._reader = self._writer = None

    def append(self, batch: Sequence[ChannelAppend], on_commit: OnCommit) -> None:
        """See `Storage.append`."""
        loop = asyncio.get_running_loop()

        def settle(result: CommitResult) -> None:
            self._problem = result.message if isinstance(result, StorageError) else None
            on_commit(result)

        def job() -> None:
            result: CommitResult
            try:
                result = self._commit(batch)
            except sqlite3.Error as error:
                result = refusal(error)
            except Exception as error:
                log.exception("a commit failed")
                result = StorageError(f"the store failed: {type(error).__name__}")
            loop.call_soon_threadsafe(settle, result)

        if self._writer is None:
            loop.call_soon(on_commit, StorageError("the store is closed"))
            return
        self._writer.put(job)

    async def create(self, address: Address, epoch: str) -> StreamInfo:
        """See `Storage.create`."""

        def work() -> StreamInfo:
            connection = _opened(self._write)
            with connection:
                ensure_channel(connection, address, epoch)
                return _known(connection, address)[1]

        return await _running(self._writer).call(work)

    async def restart(self, address: Address, epoch: str) -> StreamInfo:
        """See `Storage.restart`."""

        def work() -> StreamInfo:
            connection = _opened(self._write)
            with connection:
                ensure_channel(connection, address, epoch)
                connection.execute(
                    "UPDATE channels SET epoch = ? WHERE room = ? AND channel = ?",
                    (epoch, *address),
                )
                return _known(connection, address)[1]

        return await _running(self._writer).call(work)

    async def delete(self, address: Address) -> bool:
        """See `Storage.delete`."""

        def work() -> bool:
            connection = _opened(self._write)
            with connection:
                found = info_of(connection, address)
                if found is None:
                    return False
                connection.execute("DELETE FROM messages WHERE channel_id = ?", found[:1])
                connection.execute("DELETE FROM channels WHERE id = ?", found[:1])
                return True

        return await _running(self._writer).call(work)

    async def read(
        self, address: Address, *, after: int, through: int, limit: int, max_bytes: int
    ) -> Page | None:
        """See `Storage.read`."""

        def work() -> Page | None:
            connection = _opened(self._read)
            connection.execute("BEGIN")
            try:
                return page(connection, address, after, through, limit, max_bytes)
            finally:
                connection.execute("ROLLBACK")

        return await _running(self._reader).call(work)

    async def position_at(self, address: Address, timestamp: int) -> int | None:
        """See `Storage.position_at`."""

        def work() -> int | None:
            connection = _opened(self._read)
            found = info_of(connection, address)
            return None if found is None else before(connection, *found, timestamp)

        return await _running(self._reader).call(work)

    async def drop(self, address: Address, through: int) -> None:
        """See `Storage.drop`."""

        def work() -> None:
            connection = _opened(self._write)
            with connection:
                found = info_of(connection, address)
                if found is not None:
                    drop_through(connection, *found, min(through, found[1].last_seq))

        await _running(self._writer).call(work)

    async def trim(self, now: int) -> int:
        """See `Storage.trim`."""
        if self._retention.max_age is None:
            return 0
        oldest = now - int(self._retention.max_age * 1_000_000)

        def work() -> int:
            connection = _opened(self._write)
            removed = 0
            with connection:
                for row in connection.execute(INFO).fetchall():
                    channel_id, info = of_row(row)
                    if self._retention.spares(info.address):
                        continue
                    last = before(connection, channel_id, info, oldest)
                    removed += drop_through(connection, channel_id, info, last)
            return removed

        return await _running(self._writer).call(work)

    async def newest_keys(self, address: Address, limit: int) -> Sequence[StoredKey]:
        """See `Storage.newest_keys`."""
        return await _running(self._reader).call(
            lambda: newest_keys(_opened(self._read), address, limit)
        )

    async def probe(self, adopt: Adopt) -> None:  # noqa: ARG002 - one process owns the file
        """See `Storage.probe`: a refused commit is tried again with one that changes nothing."""
        if self._problem is None or self._writer is None:
            return

        def work() -> None:
            with _opened(self._write) as connection:
                mark_written(connection)

        try:
            await self._writer.call(work)
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

    def _open_writer(self) -> list[StreamInfo]:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._take_lock()
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
        connection = sqlite3.connect(self._path, isolation_level="IMMEDIATE")
        self._write = connection
        check_identity(connection, self._path)
        mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        if mode != "wal":
            raise StorageError(f"{self._path}: the file system does not allow a write-ahead log")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA wal_autocheckpoint = 4000")
        if self._max_pages is not None:
            connection.execute(f"PRAGMA max_page_count = {int(self._max_pages)}")
        prepare(connection)
        return verified(connection, self._path)

    def _take_lock(self) -> None:
        """One process owns the file; the kernel lets go of the lock when the process dies."""
        lock_path = self._path.with_name(self._path.name + ".lock")
        lock = os.open(lock_path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(lock)
            raise UnusableStoreError(f"{self._path}: another bus has this store open") from error
        self._lock = lock

    def _open_reader(self) -> None:
        uri = f"{self._path.absolute().as_uri()}?mode=ro"
        self._read = sqlite3.connect(uri, uri=True, isolation_level=None)

    def _close_reader(self) -> None:
        if self._read is not None:
            self._read.close()
            self._read = None

    def _close_writer(self) -> None:
        if self._write is not None:
            self._write.close()
            self._write = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _commit(self, batch: Sequence[ChannelAppend]) -> list[StorageError | None]:
        connection = _opened(self._write)
        # The connection rolls back whatever raised, the commit itself included.
        with connection:
            return [self._append_one(connection, item) for item in batch]

    def _append_one(
        self, connection: sqlite3.Connection, item: ChannelAppend
    ) -> StreamLostError | None:
        if item.after == 0:
            ensure_channel(connection, item.address, item.epoch)
        found = info_of(connection, item.address)
        if found is None or found[1].epoch != item.epoch or found[1].last_seq < item.after:
            return StreamLostError(f"{item.address}: the stream does not end at {item.after}")
        channel_id, info = found
        if info.last_seq > item.after:
            gone = drop_beyond(connection, channel_id, item.after)
            # Retention may have gone by what is taken back, and have removed all before it.
            first_left = min(info.first_seq, item.after + 1)
            info = replace(info, first_seq=first_left, last_seq=item.after, size=info.size - gone)
        first = item.after + 1
        connection.executemany(
            "INSERT INTO messages VALUES (?, ?, ?, ?, ?)",
            [
                (channel_id, first + index, item.timestamp, body, item.keys.get(index))
                for index, body in enumerate(item.bodies)
            ],
        )
        size = info.size + sum(map(len, item.bodies))
        last = first + len(item.bodies) - 1
        connection.execute(
            "UPDATE channels SET first_seq = ?, last_seq = ?, size = ?, last_timestamp = ?"
            " WHERE id = ?",
            (info.first_seq, last, size, item.timestamp, channel_id),
        )
        kept = StreamInfo(item.address, info.epoch, info.first_seq, last, size, item.timestamp)
        if not self._retention.spares(item.address):
            self._retain(connection, channel_id, kept)
        return None

    def _retain(self, connection: sqlite3.Connection, channel_id: int, info: StreamInfo) -> None:
        bounds = self._retention
        last = max(info.first_seq - 1, info.last_seq - bounds.max_messages)
        if info.size > bounds.max_bytes:
            excess = info.size - bounds.max_bytes
            for seq, size in connection.execute(
                "SELECT seq, length(body) FROM messages WHERE channel_id = ? ORDER BY seq",
                (channel_id,),
            ):
                if excess <= 0:
                    break
                excess -= size
                last = max(last, seq)
        drop_through(connection, channel_id, info, last)


def _known(connection: sqlite3.Connection, address: Address) -> tuple[int, StreamInfo]:
    """A channel of which the caller made sure that it is there."""
    found = info_of(connection, address)
    if found is None:
        raise StorageError(f"{address}: not in the store")
    return found


def _opened(connection: sqlite3.Connection | None) -> sqlite3.Connection:
    if connection is None:
        raise StorageError("the store is closed")
    return connection


def _running(worker: Worker | None) -> Worker:
    if worker is None:
        raise StorageError("the store is closed")
    return worker
