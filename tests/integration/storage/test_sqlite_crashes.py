"""Crashes at any moment, simulated by a copy of the files: what was acknowledged is in the copy."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from conformance.storage import WIDE
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.sqlite_store import held

from arqonbus.errors import StorageError
from arqonbus.model.address import Address
from arqonbus.storage.interface import ChannelAppend, CommitResult
from arqonbus.storage.sqlite.journal import Batch, Journal
from arqonbus.storage.sqlite.store import SqliteStorage
from arqonbus.storage.sqlite.worker import Job, Worker

STREAMS = [Address("room", "a"), Address("room", "b")]
# So small that halves take turns every few appends.
HALF = 600
# The journal's answer to a write: refused, and the disk has the record, half of it, or nothing.
FAULTS = {"whole": 1.0, "torn": 0.5, "nothing": 0.0}


@dataclass
class Known:
    """What the bus knows of a stream."""

    epoch: str
    stored: list[bytes] = field(default_factory=list)
    first: int = 1
    # What may be there besides: the append in flight, or one that was refused.
    besides: list[list[bytes]] = field(default_factory=list)

    def fits(self, found: list[tuple[int, bytes]]) -> bool:
        might = [self.stored + more for more in ([], *self.besides)]
        return found in [list(enumerate(bodies, 1))[self.first - 1 :] for bodies in might]

    def took(self, bodies: list[bytes]) -> None:
        self.stored, self.besides = self.stored + bodies, []


class World:
    """A store that is used, disturbed and copied."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self._folder, self._copies = folder, 0
        self._lock = threading.Lock()
        self.fault: str | None = None
        self.refusals = 0
        self._count = 0
        self._amid = False
        self.touched = False
        self.known: dict[Address, Known] = {}
        self._disturb(patch)
        self.storage = self._at(folder / "0")

    def _disturb(self, patch: pytest.MonkeyPatch) -> None:
        put, write = Worker.put, Journal.write

        def locked(worker: Worker, job: Job) -> None:
            def one() -> None:
                # A crash is between any two jobs of the threads, but a copy takes its time.
                with self._lock:
                    job()

            put(worker, one)

        def faulty(journal: Journal, generation: int, offset: int, record: bytes) -> None:
            fault, self.fault = self.fault, None
            part = 1.0 if fault is None else FAULTS[fault]
            write(journal, generation, offset, record[: int(len(record) * part)])
            if fault is not None:
                raise OSError(5, "Input/output error")

        patch.setattr(Worker, "put", locked)
        patch.setattr(Journal, "write", faulty)
        self._have_the_tables_refuse(patch)

    def _have_the_tables_refuse(self, patch: pytest.MonkeyPatch) -> None:
        apply, commit = SqliteStorage._apply, SqliteStorage._commit

        async def applied(storage: SqliteStorage, generation: int, batches: list[Batch]) -> None:
            if self._comes_through():
                await apply(storage, generation, batches)
            self._told()

        def committed(
            storage: SqliteStorage, batch: Sequence[ChannelAppend]
        ) -> list[StorageError | None]:
            done = commit(storage, batch) if self._comes_through() else []
            self._told()
            return done

        patch.setattr(SqliteStorage, "_apply", applied)
        patch.setattr(SqliteStorage, "_commit", committed)

    def _comes_through(self) -> bool:
        """Whether the tables take it, be it that they say that they refused."""
        return self.refusals % 2 == 0

    def _told(self) -> None:
        if self.refusals:
            self.refusals -= 1
            self.touched = True
            raise StorageError("the store refused")

    @staticmethod
    def _at(folder: Path) -> SqliteStorage:
        return SqliteStorage(folder / "store.db", WIDE, half=HALF)

    def copied(self) -> Path:
        """The files as a process that is killed now leaves them."""
        self._copies += 1
        there = self._folder / str(self._copies)
        with self._lock:
            shutil.copytree(
                self.storage._files.path.parent, there, ignore=shutil.ignore_patterns("*-shm")
            )
        return there

    def hand_in(self, streams: Sequence[Address], size: int) -> asyncio.Future[CommitResult]:
        """Append to these streams, which may be the same one twice."""
        batch, new = [], {address: list[bytes]() for address in streams}
        for address in streams:
            known = self.known[address]
            self._count += 1
            bodies = [b"%04d-%d " % (self._count, n) + b"x" * size for n in range(2)]
            after = len(known.stored) + len(new[address])
            batch.append(ChannelAppend(address, known.epoch, after, 1, bodies))
            new[address] += bodies
        for address, bodies in new.items():
            self.known[address].besides.append(bodies)
        done: asyncio.Future[CommitResult] = asyncio.get_running_loop().create_future()

        def told(result: CommitResult) -> None:
            if isinstance(result, list) and not any(result):
                for address, bodies in new.items():
                    self.known[address].took(bodies)
            else:
                assert isinstance(result, StorageError) or self._amid
            done.set_result(result)

        self.storage.append(batch, told)
        return done

    async def append(self, streams: Sequence[Address], size: int, turns: int, amid: str) -> None:
        """Append, and do something else while it is under way."""
        done = self.hand_in(streams, size)
        for _ in range(turns):
            await asyncio.sleep(0)
        self._amid = amid == "restart"
        if amid in ("look", "check"):
            await getattr(self, amid)()
        elif amid:
            await self.change(amid, streams[0])
        await done
        self._amid = False

    async def change(self, what: str, address: Address) -> None:
        """Change a stream."""
        known = self.known.get(address)
        try:
            if what == "create":
                self._count += 1
                info = await self.storage.create(address, f"epoch{self._count}")
                known = self.known.setdefault(address, Known(info.epoch))
                assert info.epoch == known.epoch
            elif what == "restart":
                self._count += 1
                info = await self.storage.restart(address, f"epoch{self._count}")
                known = self.known.setdefault(address, Known(info.epoch))
                known.epoch = info.epoch
                assert info.last_seq in {
                    len(known.stored) + len(more) for more in ([], *known.besides)
                }
            elif what == "delete":
                assert await self.storage.delete(address)
                self.known[address] = Known("")
                del self.known[address]
                await self.change("create", address)
            elif what == "drop" and known is not None:
                through = known.first + 1
                if through <= len(known.stored):
                    await self.storage.drop(address, through)
                    known.first = through + 1
        except StorageError:
            assert self.touched

    async def look(self, *, crashes: int = 1) -> None:
        """What a start after a crash finds, which may crash as well."""
        expected = deepcopy(self.known)
        there, here = self.copied(), self.storage
        self.refusals, refusals = 0, self.refusals
        for _ in range(crashes):
            self.storage = self._at(there)
            await self.storage.open()
            again = self.copied()
            self.storage._ahead = None
            await self.storage.close()
            there = again
        found = self._at(there)
        infos = await found.open()
        self.storage, self.refusals = here, refusals
        assert {info.address: info.epoch for info in infos} == {
            address: known.epoch for address, known in expected.items()
        }
        for address, known in expected.items():
            assert known.fits(await held(found, address))
        await found.close()

    async def check(self) -> None:
        """What a read finds."""
        for address, known in self.known.items():
            before = deepcopy(known)
            found = await held(self.storage, address)
            assert before.fits(found) or known.fits(found)

    async def crash(self) -> None:
        """Go on with what a crash leaves."""
        there = self.copied()
        self.storage._ahead = None
        await self.storage.close()
        self.refusals, self.fault = 0, None
        self.storage = self._at(there)
        await self._opened()

    async def reopen(self) -> None:
        await self.storage.close()
        self.refusals, self.fault = 0, None
        self.storage = self._at(self.storage._files.path.parent)
        await self._opened()

    async def _opened(self) -> None:
        """As the bus does, take what is there."""
        await self.storage.open()
        for address, known in self.known.items():
            found = await held(self.storage, address)
            assert known.fits(found)
            known.stored[known.first - 1 :] = [body for _, body in found]
            known.besides = []


# What to do, and with what.
Step = tuple[Any, ...]  # Any: each kind of step has values of its own

_STREAM = st.sampled_from(STREAMS)
_STEP = st.one_of(
    st.tuples(
        st.just("append"),
        st.lists(_STREAM, min_size=1, max_size=3),
        st.sampled_from([1, 30, 100, HALF]),
        st.integers(0, 12),
        st.sampled_from(["", "look", "look", "restart", "create", "drop", "check"]),
    ),
    st.tuples(
        st.just("append"),
        st.lists(_STREAM, min_size=1, max_size=1),
        st.sampled_from([1, 30]),
        st.integers(0, 12),
        st.sampled_from(["", "", "look", "restart"]),
    ),
    st.tuples(st.just("fault"), st.sampled_from(sorted(FAULTS))),
    st.tuples(st.just("refuse"), st.integers(1, 4)),
    st.tuples(st.sampled_from(["delete", "restart", "create", "drop"]), _STREAM),
    st.tuples(st.sampled_from(["check", "crash", "reopen", "probe", "look"])),
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(_STEP, max_size=30))
def test_any_crash_leaves_what_was_acknowledged(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Step]
) -> None:
    folder = tmp_path_factory.mktemp("crashes")
    with pytest.MonkeyPatch.context() as patch:
        asyncio.run(_lived(World(folder, patch), steps))
    shutil.rmtree(folder)


async def _lived(world: World, steps: list[Step]) -> None:
    await world.storage.open()
    for address in STREAMS:
        await world.change("create", address)
    for step, *values in steps:
        if step == "append":
            await world.append(*values)
        elif step == "fault":
            world.fault = values[0]
        elif step == "refuse":
            world.refusals = values[0]
        elif step == "probe":
            await world.storage.probe(lambda _: None)
        elif values:
            await world.change(step, values[0])
        else:
            await getattr(world, step)()
    await world.look(crashes=2)
    await world.reopen()
    await world.check()
    await world.storage.close()
