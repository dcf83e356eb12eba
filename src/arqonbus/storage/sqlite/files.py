"""The store's files: the tables, the journal beside them, and the lock that keeps others out."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from pathlib import Path
from typing import TypeVar

from arqonbus.errors import StorageError
from arqonbus.storage.interface import UnusableStoreError
from arqonbus.storage.sqlite.journal import Journal
from arqonbus.storage.sqlite.schema import check_identity, journal_of, need_journal, prepare

T = TypeVar("T")


class Files:
    """What is open, each for the thread that uses it."""

    def __init__(self, path: Path, max_pages: int | None, half: int) -> None:
        """Name the file; nothing is opened yet."""
        self.path = path
        self._half = half
        self._max_pages = max_pages
        self._lock: int | None = None
        self._write: sqlite3.Connection | None = None
        self._read: sqlite3.Connection | None = None
        self._journal: Journal | None = None

    @property
    def write(self) -> sqlite3.Connection:
        """The one connection that writes.

        Raises:
            StorageError: it is closed, as with the others.
        """
        return opened(self._write)

    @property
    def read(self) -> sqlite3.Connection:
        """The connection for reading."""
        return opened(self._read)

    @property
    def journal(self) -> Journal:
        """What is written before the tables are."""
        return opened(self._journal)

    def beside(self, kind: str) -> Path:
        """Another file that belongs to this one."""
        return self.path.with_name(f"{self.path.name}.{kind}")

    def open_writer(self) -> None:
        """Take the lock, then open the tables and the journal.

        Raises:
            UnusableStoreError: another bus has them, they are not ours, or one lacks the other.
            OSError: they can't be opened.
        """
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._take_lock()
        os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        connection = sqlite3.connect(self.path, isolation_level="IMMEDIATE")
        self._write = connection
        check_identity(connection, self.path)
        mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        if mode != "wal":
            raise StorageError(f"{self.path}: the file system does not allow a write-ahead log")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA wal_autocheckpoint = 4000")
        if self._max_pages is not None:
            connection.execute(f"PRAGMA max_page_count = {int(self._max_pages)}")
        prepare(connection)
        self._open_journal(connection)

    def _open_journal(self, connection: sqlite3.Connection) -> None:
        """Open the journal that the tables need, or begin one: they name it from then on, so that
        it can't be gone, or be another one, without anybody noticing.
        """
        generation, name = journal_of(connection)
        path = self.beside("ahead")
        if name is None:
            self._leave_nothing(path, generation)
            self._journal = Journal.make(path, self._half)
            with connection:
                need_journal(connection, self._journal.name)
            return
        self._journal = Journal.find(path)
        if self._journal.name != name:
            raise UnusableStoreError(f"{path}: the journal of another store or of another time")

    def _leave_nothing(self, path: Path, generation: int) -> None:
        """Make sure that a file where the journal is to be holds nothing that the tables lack."""
        try:
            left = Journal.find(path)
        except UnusableStoreError:
            # There is none, or its making was cut short.
            return
        try:
            if next(left.after(generation), None) is not None:
                raise UnusableStoreError(f"{path}: the journal of another store or of another time")
        finally:
            left.close()

    def unneeded(self) -> None:
        """The tables have all that the journal holds: note that, then remove it.

        Raises:
            OSError: it can't be removed, which does no harm.
        """
        with self.write as connection:
            need_journal(connection, None)
        self.beside("ahead").unlink(missing_ok=True)

    def _take_lock(self) -> None:
        """One process owns the file; the kernel lets go of the lock when the process dies."""
        lock = os.open(self.beside("lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(lock)
            raise UnusableStoreError(f"{self.path}: another bus has this store open") from error
        self._lock = lock

    def open_reader(self) -> None:
        """Open the tables once more, for reading."""
        uri = f"{self.path.absolute().as_uri()}?mode=ro"
        self._read = sqlite3.connect(uri, uri=True, isolation_level=None)

    def close_reader(self) -> None:
        """Idempotent, as with the writer's."""
        if self._read is not None:
            self._read.close()
            self._read = None

    def close_writer(self) -> None:
        """Close the tables and the journal, then let go of the lock."""
        if self._write is not None:
            self._write.close()
            self._write = None
        if self._journal is not None:
            self._journal.close()
            self._journal = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def opened(resource: T | None) -> T:
    """What must be open by now.

    Raises:
        StorageError: it is closed.
    """
    if resource is None:
        raise StorageError("the store is closed")
    return resource
