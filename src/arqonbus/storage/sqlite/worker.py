"""A thread with its queue: SQLite's calls block, the event loop must not."""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from typing import TypeVar

from arqonbus.errors import StorageError

T = TypeVar("T")
Job = Callable[[], None]


class Worker:
    """A thread that runs jobs in order, with one connection that only it uses."""

    def __init__(self, name: str) -> None:
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()

    def put(self, job: Job) -> None:
        """Run `job`, which must not raise, after those put before."""
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
                failure = refusal(error)
            except Exception as error:  # noqa: BLE001 - the thread's edge: handed to the awaiting caller
                failure = error
            loop.call_soon_threadsafe(settle, result, failure)

        self._jobs.put(job)
        return await future

    async def stop(self) -> None:
        """Finish what was put, then end."""
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)


def refusal(error: sqlite3.Error) -> StorageError:
    """What to tell of an SQLite error."""
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    return StorageError(f"the store refused: {error} ({name})")
