"""Crashes at any moment, simulated by a copy of the files: what was acknowledged is in the copy."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from conformance.storage import WIDE
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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
    # What may be there besides, from the append in flight or a refused one.
    besides: list[bytes] = field(default_factory=list)

    def fits(self, found: list[tuple[int, bytes]]) -> bool:
        both = (self.stored, self.stored + self.besides)
        return found in [list(enumerate(some, 1))[self.first - 1 :] for some in both]


class World:
    """A store that is used, disturbed and copied."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self._folder, self._copies = folder, 0
        self._lock = threading.Lock()
        self._fault: str | None = None
        self._refusals = 0
        self._count = 0
        self.known: dict[Address, Known] = {}
        self._disturb(patch)
        self.storage = self._at(folder / "0")

    def _disturb(self, patch: pytest.MonkeyPatch) -> None:
        put, write, apply = Worker.put, Journal.write, SqliteStorage._apply

        def locked(worker: Worker, job: Job) -> None:
            def one() -> None:
                # A crash is between any two jobs of the threads, but a copy takes its time.
                with self._lock:
                    job()

            put(worker, one)

        def faulty(journal: Journal, generation: int, offset: int, record: bytes) -> None:
            fault, self._fault = self._fault, None
            if fault is None:
                write(journal, generation, offset, record)
                return
            part = record[: int(len(record) * FAULTS[fault])]
            write(journal, generation, offset, part)
            raise OSError(5, "Input/output error")

        async def refusing(storage: SqliteStorage, generation: int, batches: list[Batch]) -> None:
            if self._refusals:
                self._refusals -= 1
                if self._refusals % 2:
                    await apply(storage, generation, batches)
                raise StorageError("the store refused")
            await apply(storage, generation, batches)

        patch.setattr(Worker, "put", locked)
        patch.setattr(Journal, "write", faulty)
        patch.setattr(SqliteStorage, "_apply", refusing)

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
        """Append to these streams, the same twice being fine."""
        batch, ends = [], {address: len(self.known[address].stored) for address in streams}
        for address in streams:
            self.known[address].besides = []
        for address in streams:
            known = self.known[address]
            self._count += 1
            bodies = [b"%d-%d " % (self._count, n) + b"x" * size for n in range(2)]
            batch.append(ChannelAppend(address, known.epoch, ends[address], 1, bodies))
            ends[address] += len(bodies)
            known.besides += bodies
        done: asyncio.Future[CommitResult] = asyncio.get_running_loop().create_future()

        def told(result: CommitResult) -> None:
            if not isinstance(result, StorageError):
                assert list(result) == [None] * len(streams)
                for address in set(streams):
                    self.known[address].stored += self.known[address].besides
                    self.known[address].besides = []
            done.set_result(result)

        self.storage.append(batch, told)
        return done

    async def look(self, *, crashes: int = 1) -> None:
        """What a start after a crash finds, which may crash as well."""
        expected = {a: Known(k.epoch, k.stored[:], k.first, k.besides[:]) for a, k in self.known.items()}
        there, here = self.copied(), self.storage
        self._refusals, refusals = 0, self._refusals
        for _ in range(crashes):
            self.storage = self._at(there)
            await self.storage.open()
            again = self.copied()
            self.storage._ahead = None
            await self.storage.close()
            there = again
        found = self._at(there)
        infos = await found.open()
        self.storage, self._refusals = here, refusals
        assert {info.address: info.epoch for info in infos} == {
            address: known.epoch for address, known in expected.items()
        }
        for address, known in expected.items():
            assert known.fits(await _held(found, address))
        await found.close()

    async def check(self) -> None:
        """What a read finds."""
        for address, known in self.known.items():
            found = await _held(self.storage, address)
            assert found[: len(known.stored)] == list(enumerate(known.stored, 1))[known.first - 1 :]

    async def crash(self) -> None:
        """Go on with what a crash leaves."""
        there = self.copied()
        self.storage._ahead = None
        await self.storage.close()
        self._refusals, self._fault = 0, None
        self.storage = self._at(there)
        await self._opened()

    async def reopen(self) -> None:
        await self.storage.close()
        self._refusals, self._fault = 0, None
        self.storage = self._at(self.storage._files.path.parent)
        await self._opened()

    async def _opened(self) -> None:
        """As the bus does, take what is there."""
        await self.storage.open()
        for address, known in self.known.items():
            found = await _held(self.storage, address)
            assert known.fits(found)
            known.stored[known.first - 1 :] = [body for _, body in found]
            known.besides = []


async def _held(storage: SqliteStorage, address: Address) -> list[tuple[int, bytes]]:
    page = await storage.read(address, after=0, through=2**53, limit=10**6, max_bytes=10**9)
    assert page is not None
    return [(message.seq, message.body) for message in page.messages]
