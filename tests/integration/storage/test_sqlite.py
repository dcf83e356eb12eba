"""What only a store on disk can get wrong."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from conformance.storage import ADDRESS, EPOCH, WIDE, append, commit, put, read

from arqonbus.errors import StorageError
from arqonbus.storage.interface import ChannelAppend, StoredKey
from arqonbus.storage.retention import Retention
from arqonbus.storage.sqlite.store import SqliteStorage


async def test_what_was_committed_is_there_after_reopening(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    storage = SqliteStorage(path, WIDE)
    await storage.open()
    await put(storage, b"a", b"b")
    await storage.close()
    again = SqliteStorage(path, WIDE)
    infos = await again.open()
    assert [(i.first_seq, i.last_seq) for i in infos] == [(1, 2)]
    assert await put(again, b"c") == 3
    await again.close()


async def test_a_second_opener_is_refused(tmp_path: Path) -> None:
    first = SqliteStorage(tmp_path / "store.db", WIDE)
    await first.open()
    second = SqliteStorage(tmp_path / "store.db", WIDE)
    with pytest.raises(StorageError, match="another bus"):
        await second.open()
    await second.close()
    await put(first, b"still mine")
    await first.close()


async def test_a_full_store_refuses_whole_batches_and_recovers_nothing_wrong(
    tmp_path: Path,
) -> None:
    storage = SqliteStorage(tmp_path / "store.db", WIDE, max_pages=40)
    await storage.open()
    stored = 0
    with pytest.raises(StorageError, match="full"):
        while True:
            await put(storage, b"x" * 5000, b"y" * 5000)
            stored += 2
    assert storage.problem() is not None
    page = await read(storage)
    assert [m.seq for m in page.messages] == list(range(1, stored + 1))
    assert page.info.last_seq == stored
    await storage.close()
    # With room again: what was acknowledged is there, and nothing else.
    wide = SqliteStorage(tmp_path / "store.db", WIDE)
    await wide.open()
    assert [m.seq for m in (await read(wide)).messages] == list(range(1, stored + 1))
    assert await put(wide, b"z") == stored + 1
    await wide.close()


@pytest.mark.parametrize(
    "content", [b"not a database at all, but long enough to look like one" * 40]
)
async def test_a_file_that_is_no_store_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "store.db"
    path.write_bytes(content)
    storage = SqliteStorage(path, WIDE)
    with pytest.raises(StorageError, match="store"):
        await storage.open()
    await storage.close()
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("statement", "word"),
    [
        ("PRAGMA user_version = 99", "schema version 99"),
        ("PRAGMA application_id = 1", "another program"),
        ("DELETE FROM messages WHERE seq = 2", "positions 1 to 3"),
    ],
)
async def test_a_foreign_or_holed_store_is_refused(
    tmp_path: Path, statement: str, word: str
) -> None:
    path = tmp_path / "store.db"
    storage = SqliteStorage(path, WIDE)
    await storage.open()
    await put(storage, b"a", b"b", b"c")
    await storage.close()
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()
    with pytest.raises(StorageError, match=word):
        await storage.open()
    await storage.close()


async def test_the_writer_fsyncs_and_the_files_are_private(tmp_path: Path) -> None:
    path = tmp_path / "private" / "store.db"
    storage = SqliteStorage(path, WIDE)
    await storage.open()
    await put(storage, b"a")
    assert storage._writer is not None
    files = storage._files
    mode = await storage._writer.call(
        lambda: files.write.execute("PRAGMA synchronous").fetchone()[0]
    )
    assert mode == 2
    for file in (path, files.beside("ahead"), files.beside("lock")):
        assert file.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0
    await storage.close()


async def test_a_file_of_the_first_version_is_brought_up(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    storage = SqliteStorage(path, WIDE)
    await storage.open()
    await put(storage, b"a", b"b")
    await storage.close()
    with closing(sqlite3.connect(path)) as file, file:
        file.executescript(
            "DROP TABLE journal; DROP INDEX keys; ALTER TABLE messages DROP COLUMN key;"
            " PRAGMA user_version = 1;"
        )
    again = SqliteStorage(path, WIDE)
    await again.open()
    await commit(again, [ChannelAppend(ADDRESS, EPOCH, 2, 2, [b"c"], {0: "k"})])
    assert [message.body for message in (await read(again)).messages] == [b"a", b"b", b"c"]
    assert list(await again.newest_keys(ADDRESS, 9)) == [StoredKey(3, "k", b"c")]
    await again.close()


async def test_what_a_refused_commit_left_and_retention_cut_is_replaced_without_a_hole(
    tmp_path: Path,
) -> None:
    path, retention = tmp_path / "store.db", Retention(2, 10**6)
    storage = SqliteStorage(path, retention)
    await storage.open()
    await put(storage, b"a", b"b")
    await put(storage, b"x", b"y", b"z")
    await commit(storage, [append([b"c"], after=2)])
    await storage.close()
    storage = SqliteStorage(path, retention)
    infos = await storage.open()
    assert [(info.first_seq, info.last_seq, info.size) for info in infos] == [(3, 3, 1)]
    assert [m.body for m in (await read(storage)).messages] == [b"c"]
    await storage.close()
