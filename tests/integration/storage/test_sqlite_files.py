"""The journal's file and the tables' file: cut, garbled, gone, or not of one time."""

from __future__ import annotations

import resource
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from conformance.storage import WIDE, append
from hypothesis import given
from hypothesis import strategies as st
from support.sqlite_store import add, held, killed

from arqonbus.storage.interface import UnusableStoreError
from arqonbus.storage.sqlite.journal import START, Journal, record_of
from arqonbus.storage.sqlite.store import SqliteStorage

HALF = 600


async def crashed(folder: Path, count: int = 2) -> Path:
    """A store whose journal alone holds all but the first of some messages."""
    path = folder / "store.db"
    storage = SqliteStorage(path, WIDE, half=HALF)
    await storage.open()
    for after in range(count):
        await add(storage, after, b"x")
    await killed(storage)
    return path


async def refused(path: Path, why: str) -> None:
    storage = SqliteStorage(path, WIDE, half=HALF)
    with pytest.raises(UnusableStoreError, match=why):
        await storage.open()
    await storage.close()


def ahead(path: Path) -> Path:
    return path.with_name(f"{path.name}.ahead")


async def test_a_journal_that_is_gone_is_told(tmp_path: Path) -> None:
    path = await crashed(tmp_path)
    ahead(path).unlink()
    await refused(path, "the journal is missing")
    await refused(path, "the journal is missing")


@pytest.mark.parametrize("size", [0, 10, START, START + 2 * HALF - 1])
async def test_a_journal_that_was_cut_is_told(tmp_path: Path, size: int) -> None:
    path = await crashed(tmp_path)
    with ahead(path).open("r+b") as file:
        file.truncate(size)
    await refused(path, "not whole")


async def test_tables_without_their_journal_beside_another_one(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "other").mkdir()
    path, other = await crashed(tmp_path / "one"), await crashed(tmp_path / "other")
    shutil.copy(ahead(other), ahead(path))
    await refused(path, "of another store")


async def test_a_backup_of_the_tables_beside_a_journal_that_went_on(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    storage = SqliteStorage(path, WIDE, half=HALF)
    await storage.open()
    await add(storage, 0, b"x")
    await storage.close()
    shutil.copy(path, tmp_path / "backup")
    storage = SqliteStorage(path, WIDE, half=HALF)
    await storage.open()
    await add(storage, 1, b"y")
    await killed(storage)
    shutil.copy(tmp_path / "backup", path)
    for kind in ("wal", "shm"):
        (tmp_path / f"store.db-{kind}").unlink(missing_ok=True)
    await refused(path, "of another store")


async def test_a_journal_whose_making_was_cut_short_is_made_anew(tmp_path: Path) -> None:
    for number, size in enumerate((0, 10, START, START + 5)):
        path = tmp_path / str(number) / "store.db"
        path.parent.mkdir()
        ahead(path).write_bytes(bytes(size))
        storage = SqliteStorage(path, WIDE, half=HALF)
        await storage.open()
        assert ahead(path).stat().st_size == START + 2 * HALF
        await storage.close()


async def test_a_disk_with_room_for_a_part_of_the_journal_is_full(tmp_path: Path) -> None:
    """A part of it would have to be made anew at the next start, with what it holds."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    journal = tmp_path / "journal"
    resource.setrlimit(resource.RLIMIT_FSIZE, (START + HALF, hard))
    try:
        with pytest.raises(OSError, match="too large"):
            Journal.make(journal, HALF)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_journal_removed_under_way_does_not_keep_a_store_from_closing(
    tmp_path: Path,
) -> None:
    path = tmp_path / "store.db"
    storage = SqliteStorage(path, WIDE, half=HALF)
    await storage.open()
    await add(storage, 0, b"a")
    await add(storage, 1, b"b")
    ahead(path).unlink()
    await storage.close()
    await storage.open()
    assert len(await held(storage)) == 2
    await storage.close()


async def test_damaged_tables_are_told_before_the_journal_is_put_there(tmp_path: Path) -> None:
    path = await crashed(tmp_path)
    with closing(sqlite3.connect(path)) as file:
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 3 * 4096)
    await refused(path, "damaged")


@pytest.mark.parametrize("version", [1, 2])
async def test_a_file_of_an_older_version_takes_a_journal(tmp_path: Path, version: int) -> None:
    path = tmp_path / "store.db"
    storage = SqliteStorage(path, WIDE, half=HALF)
    await storage.open()
    await add(storage, 0, b"a")
    await storage.close()
    with closing(sqlite3.connect(path)) as file, file:
        older = "DROP INDEX keys; ALTER TABLE messages DROP COLUMN key;" if version == 1 else ""
        file.executescript(f"DROP TABLE journal; {older} PRAGMA user_version = {version};")
    storage = SqliteStorage(path, WIDE, half=HALF)
    await storage.open()
    await add(storage, 1, b"b")
    await killed(storage)
    await storage.open()
    assert await held(storage) == [(1, b"a"), (2, b"b")]
    await storage.close()


async def test_the_size_of_a_half_may_change_with_the_journal_in_use(tmp_path: Path) -> None:
    path = await crashed(tmp_path, 3)
    storage = SqliteStorage(path, WIDE, half=5 * HALF)
    await storage.open()
    await add(storage, 3, b"y")
    assert [seq for seq, _ in await held(storage)] == [1, 2, 3, 4]
    await storage.close()


def made(folder: Path, *records: tuple[int, bytes]) -> Journal:
    journal = Journal.make(folder / "journal", HALF)
    ends = {0: 0, 1: 0}
    for generation, record in records:
        journal.write(generation, ends[generation % 2], record)
        ends[generation % 2] += len(record)
    return journal


def record(generation: int, body: bytes) -> tuple[int, bytes]:
    return generation, record_of(generation, [append([body], after=0)])


def bodies(journal: Journal, generation: int) -> dict[int, list[bytes]]:
    return {
        found: [body for batch in batches for item in batch for body in item.bodies]
        for found, batches in journal.after(generation)
    }


GARBLES: list[Callable[[bytes, int], bytes]] = [
    lambda data, at: data[:at] + bytes(len(data) - at),
    lambda data, at: data[:at] + bytes([data[at] ^ 0x40]) + data[at + 1 :],
]


@pytest.mark.parametrize("garble", GARBLES, ids=["torn", "flipped"])
def test_a_record_torn_or_garbled_anywhere_costs_none_before_it(
    tmp_path: Path, garble: Callable[[bytes, int], bytes]
) -> None:
    journal = made(tmp_path, record(1, b"a"), record(1, b"b"))
    _, last = record(1, b"c")
    before = bodies(journal, 0)
    offset = 2 * len(last)
    for at in range(len(last)):
        garbled = garble(last, at)
        if garbled != last:
            journal.write(1, offset, garbled)
            assert bodies(journal, 0) == before
    journal.write(1, offset, last)
    assert bodies(journal, 0) == {1: [b"a", b"b", b"c"]}
    journal.close()


@given(old=st.lists(st.binary(min_size=1, max_size=9), max_size=5), count=st.integers(0, 5))
def test_what_an_older_generation_left_is_never_read_as_a_newer_ones(
    tmp_path_factory: pytest.TempPathFactory, old: list[bytes], count: int
) -> None:
    new = old[:count]
    records = [record(1, body) for body in old]
    journal = made(tmp_path_factory.mktemp("halves"), *records)
    at = 0
    for body in new:
        _, data = record(3, body)
        journal.write(3, at, data)
        at += len(data)
    assert bodies(journal, 2) == ({3: new} if new else {})
    journal.close()


@pytest.mark.parametrize(
    ("tables", "halves", "found"),
    [
        (0, (), {}),
        (0, (1,), {1: [b"1"]}),
        (0, (1, 2), {1: [b"1"], 2: [b"2"]}),
        (1, (1, 2), {2: [b"2"]}),
        (1, (2, 3), {2: [b"2"], 3: [b"3"]}),
        (2, (1, 2), {}),
        (2, (2, 3), {3: [b"3"]}),
        (3, (2, 3), {}),
        (9, (2, 3), {}),
        (0, (2,), None),
        (0, (2, 3), None),
        (1, (3,), None),
        (1, (3, 4), None),
        (1, (2, 5), None),
    ],
)
def test_generations_are_put_into_the_tables_in_order_and_without_a_gap(
    tmp_path: Path, tables: int, halves: tuple[int, ...], found: dict[int, list[bytes]] | None
) -> None:
    journal = made(tmp_path, *(record(number, b"%d" % number) for number in halves))
    if found is None:
        with pytest.raises(UnusableStoreError, match="is missing"):
            bodies(journal, tables)
    else:
        assert bodies(journal, tables) == found
    journal.close()


async def test_a_whole_record_without_a_meaning_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = await crashed(tmp_path, 1)
    monkeypatch.setattr(msgspec.msgpack, "encode", lambda _: b"\x93\x01\x02\x03")
    _, meaningless = record(1, b"x")
    monkeypatch.undo()
    journal = Journal.find(ahead(path))
    journal.write(1, 0, meaningless)
    journal.close()
    await refused(path, "no record")


@pytest.mark.parametrize("which", [0, 1])
def test_a_damaged_record_before_others_is_told(tmp_path: Path, which: int) -> None:
    journal = made(tmp_path, record(1, b"a"), record(1, b"b"), record(1, b"c"))
    _, data = record(1, b"?")
    for at in range(len(data)):
        _, sound = record(1, b"ab"[which : which + 1])
        journal.write(1, which * len(data), GARBLES[1](sound, at))
        with pytest.raises(UnusableStoreError, match="damaged"):
            bodies(journal, 0)
        assert bodies(journal, 1) == {}
    journal.close()
