"""Changes amid appends, refusals with an unknown outcome, and what is done about them."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from conformance.storage import ADDRESS, WIDE, append
from support.sqlite_store import Gate, add, held, killed, refusing

from arqonbus.errors import StorageError
from arqonbus.model.address import Address
from arqonbus.storage.interface import ChannelAppend, CommitResult
from arqonbus.storage.sqlite import store as store_module
from arqonbus.storage.sqlite.journal import Batch
from arqonbus.storage.sqlite.store import SqliteStorage

OTHER = Address("room", "other")


async def started(path: Path, *, half: int = 600) -> SqliteStorage:
    storage = SqliteStorage(path, WIDE, half=half)
    await storage.open()
    return storage


def handed_in(storage: SqliteStorage, item: ChannelAppend) -> asyncio.Future[CommitResult]:
    done: asyncio.Future[CommitResult] = asyncio.get_running_loop().create_future()
    storage.append([item], done.set_result)
    return done


def _wait(event: threading.Event) -> None:
    event.wait()


@pytest.mark.parametrize("change", ["delete", "restart"])
async def test_a_change_waits_for_the_append_under_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """Changed at once, the tables could not take the append that is acknowledged afterwards."""
    storage = await started(tmp_path / "store.db")
    await add(storage, 0, b"a")
    gate = Gate(monkeypatch)
    done = handed_in(storage, append([b"b"], after=1))
    await asyncio.to_thread(gate.reached.wait)
    arguments = [] if change == "delete" else ["new"]
    changing = asyncio.create_task(getattr(storage, change)(ADDRESS, *arguments))
    await asyncio.sleep(0)
    gate.opened.set()
    assert await done == [None]
    # At once, while the change is still under way.
    after = handed_in(storage, append([b"c"], after=2))
    await changing
    await after
    await storage.position_at(ADDRESS, 0)
    await killed(storage)
    again = SqliteStorage(tmp_path / "store.db", WIDE)
    infos = await again.open()
    assert [info.epoch for info in infos] == ([] if change == "delete" else ["new"])
    await again.close()


async def test_a_change_amid_appends_that_follow_each_other(tmp_path: Path) -> None:
    storage = await started(tmp_path / "store.db")
    await add(storage, 0, b"0")
    stored, ended = 1, asyncio.Event()

    def told(result: CommitResult) -> None:
        nonlocal stored
        if result != [None]:
            ended.set()
            return
        stored += 1
        storage.append([append([b"%d" % stored], after=stored)], told)

    storage.append([append([b"1"], after=1)], told)
    info = await storage.restart(ADDRESS, "new")
    await ended.wait()
    assert info.last_seq == stored
    await killed(storage)
    again = await started(tmp_path / "store.db")
    assert [seq for seq, _ in await held(again)] == list(range(1, stored + 1))
    await again.close()


async def test_a_refused_record_does_not_come_back_in_a_stream_that_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = await started(tmp_path / "store.db")
    await add(storage, 0, b"a")
    tables_refuse = threading.Event()
    tables_refuse.set()

    async def refused(generation: int, batches: list[Batch]) -> None:
        if tables_refuse.is_set():
            raise StorageError("the store refused")
        await storage._apply(generation, batches)

    monkeypatch.setattr(storage._ahead, "_apply", refused)
    with monkeypatch.context() as patch:
        refusing(patch, part=1)
        with pytest.raises(StorageError, match="the journal refused"):
            await add(storage, 1, b"refused")
    with pytest.raises(StorageError, match="the store refused"):
        await storage.restart(ADDRESS, "new")
    tables_refuse.clear()
    await storage.restart(ADDRESS, "new")
    await killed(storage)
    again = await started(tmp_path / "store.db")
    assert await held(again) == [(1, b"a")]
    await again.close()


@pytest.mark.parametrize("part", [0, 0.5, 1])
async def test_nothing_is_acknowledged_behind_a_refused_record_that_may_be_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: float
) -> None:
    """Else its generation is missing after a crash, and the store could not be opened."""
    storage = await started(tmp_path / "store.db")
    await add(storage, 0, b"a")
    await add(storage, 0, b"o", address=OTHER)
    slow = threading.Event()
    assert storage._writer is not None
    storage._writer.put(lambda: _wait(slow))
    with monkeypatch.context() as patch:
        refusing(patch, part=part)
        with pytest.raises(StorageError):
            await add(storage, 1, b"refused")
    done = handed_in(storage, append([b"p"], address=OTHER, after=1))
    assert storage._flusher is not None
    await storage._flusher.call(lambda: None)
    acknowledged = done.done()
    shutil.copytree(tmp_path, tmp_path / "crashed", ignore=shutil.ignore_patterns("*-shm"))
    slow.set()
    await done
    await storage.close()
    again = await started(tmp_path / "crashed" / "store.db")
    assert len(await held(again, OTHER)) == (2 if acknowledged else 1)
    await again.close()


async def test_a_commit_that_came_through_and_failed_is_not_made_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = await started(tmp_path / "store.db")
    await add(storage, 0, b"a")
    await add(storage, 1, b"b")

    async def failing(generation: int, batches: list[Batch]) -> None:
        await storage._apply(generation, batches)
        raise StorageError("the store refused")

    with monkeypatch.context() as patch:
        patch.setattr(storage._ahead, "_apply", failing)
        with pytest.raises(StorageError):
            await storage.position_at(ADDRESS, 0)
    await add(storage, 2, b"c")
    assert await held(storage) == [(1, b"a"), (2, b"b"), (3, b"c")]
    await storage.close()


async def test_a_refused_commit_to_the_tables_that_came_through_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = await started(tmp_path / "store.db", half=200)
    await add(storage, 0, b"a")
    commit = SqliteStorage._commit

    def failing(storage: SqliteStorage, batch: Sequence[ChannelAppend]) -> None:
        commit(storage, batch)
        raise StorageError("the store refused")

    with monkeypatch.context() as patch:
        patch.setattr(SqliteStorage, "_commit", failing)
        with pytest.raises(StorageError):
            await add(storage, 1, b"too large for the journal" * 20)
    await add(storage, 1, b"b")
    assert await held(storage) == [(1, b"a"), (2, b"b")]
    await storage.close()


async def test_a_failure_nobody_foresaw_is_a_refusal_and_can_be_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = await started(tmp_path / "store.db")
    await add(storage, 0, b"a")
    await add(storage, 1, b"b")
    with monkeypatch.context() as patch:
        patch.setattr(store_module, "apply", lambda *_: 1 // 0)
        with pytest.raises(StorageError, match="ZeroDivisionError"):
            await storage.position_at(ADDRESS, 0)
        assert await held(storage) == [(1, b"a"), (2, b"b")]
    assert await storage.position_at(ADDRESS, 0) == 0
    await storage.close()


async def test_a_read_while_the_store_closes_is_not_short(tmp_path: Path) -> None:
    storage = await started(tmp_path / "store.db")
    await add(storage, 0, b"a")
    await add(storage, 1, b"b")
    slow = threading.Event()
    assert storage._writer is not None
    storage._writer.put(lambda: _wait(slow))
    early = asyncio.create_task(held(storage))
    closing = asyncio.create_task(storage.close())
    await asyncio.sleep(0)
    late = asyncio.create_task(held(storage))
    await asyncio.sleep(0)
    slow.set()
    with pytest.raises(StorageError, match="closed"):
        await late
    await closing
    assert await early == [(1, b"a"), (2, b"b")]


async def test_several_appends_of_one_stream_at_its_end_and_below(tmp_path: Path) -> None:
    storage = await started(tmp_path / "store.db")
    await add(storage, 0, b"a")
    await add(storage, 1, b"b")
    done: asyncio.Future[CommitResult] = asyncio.get_running_loop().create_future()
    batch = [append([b"c"], after=2), append([b"d"], after=3), append([b"x"], after=9)]
    storage.append(batch, done.set_result)
    result = await done
    assert isinstance(result, Sequence)
    assert [error is None for error in result] == [True, True, False]
    await add(storage, 3, b"e")
    await killed(storage)
    again = await started(tmp_path / "store.db")
    assert [body for _, body in await held(again)] == [b"a", b"b", b"c", b"e"]
    await again.close()
