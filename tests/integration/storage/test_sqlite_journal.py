"""What is journaled and not yet in the tables when the process ends, or when either refuses."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from conformance.storage import ADDRESS, EPOCH, WIDE, append, commit, put
from support.sqlite_store import add, held, killed, refusing

from arqonbus.errors import StorageError
from arqonbus.model.address import Address
from arqonbus.storage.interface import ChannelAppend, CommitResult, StoredKey
from arqonbus.storage.sqlite.journal import HALF, START, Journal, record_of
from arqonbus.storage.sqlite.store import SqliteStorage


def in_tables(path: Path) -> int:
    with closing(sqlite3.connect(path)) as file:
        return int(file.execute("SELECT count(*) FROM messages").fetchone()[0])


async def test_an_acknowledged_append_is_in_the_journal_and_survives(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    storage = SqliteStorage(path, WIDE)
    await storage.open()
    await add(storage, 0, b"first")
    await commit(storage, [ChannelAppend(ADDRESS, EPOCH, 1, 7, [b"a", b"b"], {1: "k"})])
    await add(storage, 3, b"c")
    assert in_tables(path) == 1
    await killed(storage)
    again = SqliteStorage(path, WIDE)
    (info,) = await again.open()
    assert (info.last_seq, info.last_timestamp, info.size) == (4, 1, 8)
    assert await held(again) == [(1, b"first"), (2, b"a"), (3, b"b"), (4, b"c")]
    assert list(await again.newest_keys(ADDRESS, 5)) == [StoredKey(3, "k", b"b")]
    await add(again, 4, b"d")
    await again.close()
    assert not path.with_name("store.db.ahead").exists()
    assert in_tables(path) == 5


@pytest.mark.parametrize("cut", [1, 8, 16, 40])
async def test_a_record_that_is_not_whole_was_never_acknowledged(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "store.db"
    storage = SqliteStorage(path, WIDE)
    await storage.open()
    for after in range(3):
        await add(storage, after, b"x" * 50)
    ahead = storage._ahead
    assert ahead is not None
    start = START + ahead.generation % 2 * HALF
    end = start + ahead._half.size
    await killed(storage)
    with path.with_name("store.db.ahead").open("r+b") as file:
        file.seek(end - cut)
        file.write(b"\0" * cut)
    again = SqliteStorage(path, WIDE)
    await again.open()
    assert [seq for seq, _ in await held(again)] == [1, 2]
    await again.close()


async def test_halves_take_turns_and_nothing_is_lost_when_killed_anywhere(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    body, count = b"x" * (HALF // 5), 23
    storage = SqliteStorage(path, WIDE)
    await storage.open()
    for after in range(count):
        await add(storage, after, body)
    await killed(storage)
    again = SqliteStorage(path, WIDE)
    await again.open()
    assert [seq for seq, _ in await held(again)] == list(range(1, count + 1))
    await again.close()


async def test_a_batch_larger_than_the_journal_goes_to_the_tables(tmp_path: Path) -> None:
    storage = SqliteStorage(tmp_path / "store.db", WIDE)
    await storage.open()
    await add(storage, 0, b"a")
    await add(storage, 1, b"b")
    await add(storage, 2, b"x" * (HALF + 1))
    await add(storage, 3, b"d")
    assert [seq for seq, _ in await held(storage)] == [1, 2, 3, 4]
    await storage.close()


async def test_a_refused_write_is_not_taken_for_a_message_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk has the record and says that it has not: what comes next takes its position."""
    path = tmp_path / "store.db"
    storage = SqliteStorage(path, WIDE)
    await storage.open()
    await add(storage, 0, b"a")
    with monkeypatch.context() as patch:
        refusing(patch, part=1)
        with pytest.raises(StorageError, match="the journal refused"):
            await add(storage, 1, b"refused")
    assert storage.problem() is not None
    await add(storage, 1, b"b", b"c")
    assert storage.problem() is None
    await add(storage, 3, b"d")
    await killed(storage)
    again = SqliteStorage(path, WIDE)
    await again.open()
    assert await held(again) == [(1, b"a"), (2, b"b"), (3, b"c"), (4, b"d")]
    await again.close()


async def test_a_missing_generation_is_told(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    storage = SqliteStorage(path, WIDE)
    await storage.open()
    await add(storage, 0, b"a")
    await killed(storage)
    with path.with_name("store.db.ahead").open("r+b") as file:
        file.seek(START)
        file.write(record_of(4, [append([b"x"], after=1)]))
    again = SqliteStorage(path, WIDE)
    with pytest.raises(StorageError, match="generation 1 is missing"):
        await again.open()
    await again.close()


async def test_a_journal_of_another_store_is_told(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    journal = Journal.make(tmp_path / "store.db.ahead", HALF)
    journal.write(1, 0, record_of(1, [append([b"x"], after=5)]))
    journal.close()
    storage = SqliteStorage(path, WIDE)
    with pytest.raises(StorageError, match="of another store"):
        await storage.open()
    await storage.close()


async def test_streams_that_change_under_way_lose_nothing(tmp_path: Path) -> None:
    """Restarted, deleted and shortened streams among journaled appends of others."""
    path, other = tmp_path / "store.db", Address("room", "other")
    storage = SqliteStorage(path, WIDE)
    await storage.open()
    await commit(storage, [append([b"a"], after=0), append([b"o"], after=0, address=other)])
    await commit(storage, [append([b"b"], after=1), append([b"p"], after=1, address=other)])
    assert (await storage.restart(ADDRESS, "new")).last_seq == 2
    with pytest.raises(StorageError, match="does not end"):
        await add(storage, 2, b"of the old epoch")
    await commit(storage, [ChannelAppend(ADDRESS, "new", 2, 1, [b"c"])])
    await storage.drop(ADDRESS, 1)
    assert await storage.delete(other)
    await killed(storage)
    again = SqliteStorage(path, WIDE)
    infos = await again.open()
    assert [(i.address, i.epoch, i.first_seq, i.last_seq) for i in infos] == [
        (ADDRESS, "new", 2, 3)
    ]
    await again.close()


async def test_readers_and_appends_at_once_see_every_position(tmp_path: Path) -> None:
    storage = SqliteStorage(tmp_path / "store.db", WIDE)
    await storage.open()
    await put(storage, b"0")
    seen: list[int] = []

    async def look() -> None:
        while len(seen) < 300:
            seen[:] = [seq for seq, _ in await held(storage)]
            assert seen == list(range(1, len(seen) + 1))

    looking = asyncio.create_task(look())
    for after in range(1, 300):
        await add(storage, after, b"x")
    await looking
    await storage.close()


async def test_closing_waits_for_what_was_handed_in(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    storage = SqliteStorage(path, WIDE)
    await storage.open()
    await add(storage, 0, b"a")
    told: list[CommitResult] = []
    batch: Sequence[ChannelAppend] = [append([b"b"], after=1)]
    storage.append(batch, told.append)
    await storage.close()
    assert told == [[None]]
    assert in_tables(path) == 2


def test_the_journal_has_its_size_from_the_start(tmp_path: Path) -> None:
    journal = Journal.make(tmp_path / "j", HALF)
    allocated = (tmp_path / "j").stat().st_blocks * 512
    assert allocated >= 2 * HALF
    assert list(journal.after(0)) == []
    journal.close()
    journal.close()
