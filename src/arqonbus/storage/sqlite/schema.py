"""The file's tables, whose file it is, and whether it is whole."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from arqonbus.model.stream import StreamInfo
from arqonbus.storage.interface import UnusableStoreError
from arqonbus.storage.sqlite.queries import INFO, of_row

APPLICATION_ID = 0x41524251  # "ARBQ"
SCHEMA_VERSION = 3
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
    key TEXT,
    PRIMARY KEY (channel_id, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX keys ON messages (channel_id, seq) WHERE key IS NOT NULL;
"""
# The last generation of the journal that the tables hold, and the name of the journal without
# which they must not be used: none after a clean stop.
_JOURNAL = (
    "CREATE TABLE journal (generation INTEGER NOT NULL, name BLOB) STRICT;"
    " INSERT INTO journal VALUES (0, NULL);"
)
# From each older version to the next.
_STEPS = {
    1: "ALTER TABLE messages ADD COLUMN key TEXT;"
    " CREATE INDEX keys ON messages (channel_id, seq) WHERE key IS NOT NULL;",
    2: _JOURNAL,
}


def check_identity(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a file of another program or of another version.

    Raises:
        UnusableStoreError: it is not ours to open.
    """
    try:
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise UnusableStoreError(f"{path}: not a readable store: {error}") from error
    if tables == 0:
        return
    if application != APPLICATION_ID:
        raise UnusableStoreError(f"{path}: a database of another program")
    if version not in (*_STEPS, SCHEMA_VERSION):
        raise UnusableStoreError(
            f"{path}: schema version {version}, this server knows {SCHEMA_VERSION}"
        )


def prepare(connection: sqlite3.Connection) -> None:
    """Make the tables of a new file, or bring those of an older version up to this one."""
    if connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0:
        steps = [f"{_SCHEMA} {_JOURNAL} PRAGMA application_id = {APPLICATION_ID};"]
    else:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        steps = [_STEPS[older] for older in range(version, SCHEMA_VERSION)]
    if steps:
        # executescript ends a transaction of its own accord: hence one script with its own BEGIN.
        connection.executescript(
            f"BEGIN IMMEDIATE; {' '.join(steps)} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
        )


def mark_written(connection: sqlite3.Connection) -> None:
    """Write something that changes nothing, within a transaction of the caller."""
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def journal_of(connection: sqlite3.Connection) -> tuple[int, bytes | None]:
    """The generation that the tables hold, and the name of the journal that they need."""
    generation, name = connection.execute("SELECT generation, name FROM journal").fetchone()
    return generation, name


def need_journal(connection: sqlite3.Connection, name: bytes | None) -> None:
    """Note which journal the tables need from now on, within a transaction of the caller."""
    connection.execute("UPDATE journal SET name = ?", (name,))


def check_whole(connection: sqlite3.Connection, path: Path) -> None:
    """The file's own check.

    Raises:
        UnusableStoreError: the file is damaged.
    """
    try:
        verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise UnusableStoreError(f"{path}: damaged: {error}") from error
    if verdict != "ok":
        raise UnusableStoreError(f"{path}: damaged: {verdict}")


def streams(connection: sqlite3.Connection, path: Path) -> list[StreamInfo]:
    """All streams, after a count that finds holes.

    Raises:
        UnusableStoreError: the file is damaged.
    """
    try:
        rows = connection.execute(INFO).fetchall()
        counts = dict(
            connection.execute("SELECT channel_id, count(*) FROM messages GROUP BY channel_id")
        )
    except sqlite3.DatabaseError as error:
        raise UnusableStoreError(f"{path}: damaged: {error}") from error
    infos = []
    for row in rows:
        channel_id, info = of_row(row)
        held = counts.get(channel_id, 0)
        if held != info.last_seq - info.first_seq + 1:
            raise UnusableStoreError(
                f"{path}: {info.address} should hold positions {info.first_seq} to "
                f"{info.last_seq}, but has {held} messages"
            )
        infos.append(info)
    return infos
