"""Streams in one SQLite file: write-ahead log, fsynced before every receipt, one writer."""

from __future__ import annotations

import asyncio
import fcntl
import os
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import structlog

from arqonbus.errors import StorageError
from arqonbus.model.address import Address
from arqonbus.model.durability import Durability
from arqonbus.model.stream import StreamInfo
from arqonbus.storage.interface import (
    ChannelAppend,
    CommitResult,
    OnCommit,
    Page,
    StoredMessage,
)
from arqonbus.storage.retention import Retention

APPLICATION_ID = 0x41524251  # "ARBQ"
SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE channels (
    id INTEGER PRIMARY KEY,
    room TEXT NOT NULL,
    channel TEXT NOT NULL,
    epoch TEXT NOT NULL,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    size INTEGER NOT NULL,
    last_timestamp INTEGER NOT NULL,
    UNIQUE (room, channel)
) STRICT;
CREATE TABLE messages (
    channel_id INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    timestamp INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (channel_id, seq)
) STRICT, WITHOUT ROWID;
"""
_INFO = "SELECT id, room, channel, epoch, first_seq, last_seq, size, last_timestamp FROM channels"

T = TypeVar("T")
Job = Callable[[], None]

log = structlog.get_logger(__name__)


class _Worker:
    """A thread that runs jobs in order, with one connection that only it uses."""

    def __init__(self, name: str) -> None:
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()

    def put(self, job: Job) -> None:
        self._jobs.put(job)

    async def call(self, work: Callable[[], T]) -> T:
        """Run `work` in the thread; an SQLite error becomes a StorageError."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def settle(result: T | None, error: Exception | None) -> None:
            if future.cancelled():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(result)  # type: ignore[arg-type]  # None only beside an error

        def job() -> None:
            result: T | None = None
            failure: Exception | None = None
            try:
                result = work()
            except sqlite3.Error as error:
                failure = _refusal(error)
            except Exception as error:  # noqa: BLE001 - the thread's edge: handed to the awaiting caller
                failure = error
            loop.call_soon_threadsafe(settle, result, failure)

        self._jobs.put(job)
        return await future

    async def stop(self) -> None:
        """Finish what was put, then end."""
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)


class SqliteStorage:
    """Implements `storage.interface.Storage`.

    A commit is one transaction with ``synchronous=FULL``, so its receipt means that the log was
    fsynced. Reads have a connection and a thread of their own and never wait behind commits.
    """

    durability = Durability.DISK

    def __init__(self, path: Path, retention: Retention, *, max_pages: int | None = None) -> None:
        """Name the file; nothing is opened yet. `max_pages` bounds the file, as a quota would."""
        self._path = path
        self._retention = retention
        self._max_pages = max_pages
        self._problem: str | None = "not open"
        self._lock: int | None = None
        self._write: sqlite3.Connection | None = None
        self._read: sqlite3.Connection | None = None
        self._writer: _Worker | None = None
        self._reader: _Worker | None = None

    async def open(self) -> Sequence[StreamInfo]:
        """See `Storage.open`."""
        self._writer, self._reader = _Worker("sqlite-writer"), _Worker("sqlite-reader")
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
                result = _refusal(error)
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
                _channel(connection, address, epoch)
                return _info(connection, address)[1]

        return await _running(self._writer).call(work)

    async def delete(self, address: Address) -> bool:
        """See `Storage.delete`."""

        def work() -> bool:
            connection = _opened(self._write)
            with connection:
                row = connection.execute(
                    "SELECT id FROM channels WHERE room = ? AND channel = ?", address
                ).fetchone()
                if row is None:
                    return False
                connection.execute("DELETE FROM messages WHERE channel_id = ?", row)
                connection.execute("DELETE FROM channels WHERE id = ?", row)
                return True

        return await _running(self._writer).call(work)

    async def read(
        self, address: Address, *, after: int, limit: int, max_bytes: int
    ) -> Page | None:
        """See `Storage.read`."""

        def work() -> Page | None:
            connection = _opened(self._read)
            connection.execute("BEGIN")
            try:
                return _page(connection, address, after, limit, max_bytes)
            finally:
                connection.execute("ROLLBACK")

        return await _running(self._reader).call(work)

    async def position_at(self, address: Address, timestamp: int) -> int | None:
        """See `Storage.position_at`."""

        def work() -> int | None:
            connection = _opened(self._read)
            row = connection.execute(f"{_INFO} WHERE room = ? AND channel = ?", address).fetchone()
            if row is None:
                return None
            channel_id, info = _of_row(row)
            return _before(connection, channel_id, info, timestamp)

        return await _running(self._reader).call(work)

    async def trim(self, now: int) -> int:
        """See `Storage.trim`."""
        if self._retention.max_age is None:
            return 0
        oldest = now - int(self._retention.max_age * 1_000_000)

        def work() -> int:
            connection = _opened(self._write)
            removed = 0
            with connection:
                for row in connection.execute(_INFO).fetchall():
                    channel_id, info = _of_row(row)
                    last = _before(connection, channel_id, info, oldest)
                    removed += _drop_through(connection, channel_id, info, last)
            return removed

        return await _running(self._writer).call(work)

    def problem(self) -> str | None:
        """See `Storage.problem`."""
        return self._problem

    def _open_writer(self) -> list[StreamInfo]:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._take_lock()
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
        connection = sqlite3.connect(self._path, isolation_level="IMMEDIATE")
        self._write = connection
        _check_identity(connection, self._path)
        mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        if mode != "wal":
            raise StorageError(f"{self._path}: the file system does not allow a write-ahead log")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA wal_autocheckpoint = 4000")
        if self._max_pages is not None:
            connection.execute(f"PRAGMA max_page_count = {int(self._max_pages)}")
        _prepare(connection)
        return _verified(connection, self._path)

    def _take_lock(self) -> None:
        """One process owns the file; the kernel lets go of the lock when the process dies."""
        lock_path = self._path.with_name(self._path.name + ".lock")
        lock = os.open(lock_path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(lock)
            raise StorageError(f"{self._path}: another bus has this store open") from error
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

    def _commit(self, batch: Sequence[ChannelAppend]) -> list[int]:
        connection = _opened(self._write)
        # The connection rolls back whatever raised, the commit itself included.
        with connection:
            return [self._append_one(connection, item) for item in batch]

    def _append_one(self, connection: sqlite3.Connection, item: ChannelAppend) -> int:
        _channel(connection, item.address, item.epoch)
        channel_id, info = _info(connection, item.address)
        first = info.last_seq + 1
        connection.executemany(
            "INSERT INTO messages VALUES (?, ?, ?, ?)",
            [
                (channel_id, seq, item.timestamp, body)
                for seq, body in enumerate(item.bodies, first)
            ],
        )
        size = info.size + sum(map(len, item.bodies))
        last = first + len(item.bodies) - 1
        connection.execute(
            "UPDATE channels SET last_seq = ?, size = ?, last_timestamp = ? WHERE id = ?",
            (last, size, item.timestamp, channel_id),
        )
        kept = StreamInfo(item.address, info.epoch, info.first_seq, last, size, item.timestamp)
        self._retain(connection, channel_id, kept)
        return first

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
        _drop_through(connection, channel_id, info, last)


def _refusal(error: sqlite3.Error) -> StorageError:
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    return StorageError(f"the store refused: {error} ({name})")


def _opened(connection: sqlite3.Connection | None) -> sqlite3.Connection:
    if connection is None:
        raise StorageError("the store is closed")
    return connection


def _running(worker: _Worker | None) -> _Worker:
    if worker is None:
        raise StorageError("the store is closed")
    return worker


def _check_identity(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a file of another program or of another version.

    Raises:
        StorageError: it is not ours to open.
    """
    try:
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise StorageError(f"{path}: not a readable store: {error}") from error
    if tables == 0:
        return
    if application != APPLICATION_ID:
        raise StorageError(f"{path}: a database of another program")
    if version != SCHEMA_VERSION:
        raise StorageError(f"{path}: schema version {version}, this server knows {SCHEMA_VERSION}")


def _prepare(connection: sqlite3.Connection) -> None:
    if connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
        return
    # executescript ends a transaction of its own accord: hence one script with its own BEGIN.
    connection.executescript(
        f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA application_id = {APPLICATION_ID}; "
        f"PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
    )


def _verified(connection: sqlite3.Connection, path: Path) -> list[StreamInfo]:
    """All streams, after the file's own check and a count that finds holes.

    Raises:
        StorageError: the file is damaged.
    """
    try:
        verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        rows = connection.execute(_INFO).fetchall()
        counts = dict(
            connection.execute("SELECT channel_id, count(*) FROM messages GROUP BY channel_id")
        )
    except sqlite3.DatabaseError as error:
        raise StorageError(f"{path}: damaged: {error}") from error
    if verdict != "ok":
        raise StorageError(f"{path}: damaged: {verdict}")
    infos = []
    for row in rows:
        channel_id, info = _of_row(row)
        held = counts.get(channel_id, 0)
        if held != info.last_seq - info.first_seq + 1:
            raise StorageError(
                f"{path}: {info.address} should hold positions {info.first_seq} to "
                f"{info.last_seq}, but has {held} messages"
            )
        infos.append(info)
    return infos


def _of_row(row: tuple[int, str, str, str, int, int, int, int]) -> tuple[int, StreamInfo]:
    channel_id, room, channel, epoch, first, last, size, timestamp = row
    return channel_id, StreamInfo(Address(room, channel), epoch, first, last, size, timestamp)


def _channel(connection: sqlite3.Connection, address: Address, epoch: str) -> None:
    connection.execute(
        "INSERT INTO channels (room, channel, epoch, first_seq, last_seq, size, last_timestamp)"
        " VALUES (?, ?, ?, 1, 0, 0, 0) ON CONFLICT DO NOTHING",
        (*address, epoch),
    )


def _info(connection: sqlite3.Connection, address: Address) -> tuple[int, StreamInfo]:
    row = connection.execute(f"{_INFO} WHERE room = ? AND channel = ?", address).fetchone()
    return _of_row(row)


def _page(
    connection: sqlite3.Connection, address: Address, after: int, limit: int, max_bytes: int
) -> Page | None:
    row = connection.execute(f"{_INFO} WHERE room = ? AND channel = ?", address).fetchone()
    if row is None:
        return None
    channel_id, info = _of_row(row)
    messages: list[StoredMessage] = []
    size = 0
    expected = max(after + 1, info.first_seq)
    more = False
    for seq, timestamp, body in connection.execute(
        "SELECT seq, timestamp, body FROM messages WHERE channel_id = ? AND seq > ?"
        " ORDER BY seq LIMIT ?",
        (channel_id, after, limit),
    ):
        if seq != expected:
            raise StorageError(f"{address}: position {expected} is missing in the store")
        if messages and size + len(body) > max_bytes:
            more = True
            break
        messages.append(StoredMessage(seq, timestamp, body))
        size += len(body)
        expected += 1
    last = messages[-1].seq if messages else max(after, info.last_seq)
    return Page(tuple(messages), info, more=more or last < info.last_seq)


def _before(
    connection: sqlite3.Connection, channel_id: int, info: StreamInfo, timestamp: int
) -> int:
    """The last position with a commit time before `timestamp`, by bisection: times never fall."""
    low, high = info.first_seq, info.last_seq + 1
    while low < high:
        middle = (low + high) // 2
        found = connection.execute(
            "SELECT timestamp FROM messages WHERE channel_id = ? AND seq = ?", (channel_id, middle)
        ).fetchone()
        if found is None:
            raise StorageError(f"{info.address}: position {middle} is missing in the store")
        if found[0] < timestamp:
            low = middle + 1
        else:
            high = middle
    return low - 1


def _drop_through(
    connection: sqlite3.Connection, channel_id: int, info: StreamInfo, last: int
) -> int:
    """Remove positions up to `last`; how many went."""
    if last < info.first_seq:
        return 0
    gone = connection.execute(
        "SELECT coalesce(sum(length(body)), 0) FROM messages WHERE channel_id = ? AND seq <= ?",
        (channel_id, last),
    ).fetchone()[0]
    connection.execute("DELETE FROM messages WHERE channel_id = ? AND seq <= ?", (channel_id, last))
    connection.execute(
        "UPDATE channels SET first_seq = ?, size = size - ? WHERE id = ?",
        (last + 1, gone, channel_id),
    )
    return last - info.first_seq + 1
