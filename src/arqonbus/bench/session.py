"""What all loads share: connecting, waiting for progress, the measured window."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from typing import Any, TypeVar

from arqonbus.bench.errors import BenchError
from arqonbus.bench.plan import Outcome, Plan
from arqonbus.bench.sockets import Connection
from arqonbus.bench.system import cpu_seconds

_CONNECTS = 50
PATIENCE = 60.0
AnyConnection = TypeVar("AnyConnection", bound=Connection)


class Run:
    """One load: what breaks in any of its connections breaks it."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.loop = asyncio.get_running_loop()
        self.failure: asyncio.Future[None] = self.loop.create_future()
        self.wake = asyncio.Event()
        self.peers: list[Connection] = []
        # What breaks in a callback breaks the run.
        self.loop.set_exception_handler(lambda _loop, context: self.failed(_cause(context)))
        self._began = self._server = self._client = 0.0

    def failed(self, error: BaseException) -> None:
        """The first failure ends the run."""
        if not self.failure.done():
            self.failure.set_exception(error)
        self.wake.set()

    async def connect(self, make: Callable[[], AnyConnection], count: int) -> list[AnyConnection]:
        """`count` peers, ready, a few at a time."""
        made: list[AnyConnection] = []
        while len(made) < count:
            some = [make() for _ in range(min(_CONNECTS, count - len(made)))]
            self.peers += some
            for peer in some:
                await self.loop.create_connection(lambda p=peer: p, "127.0.0.1", self.plan.port)  # type: ignore[misc] # a loop's variable bound by default
            ready = asyncio.gather(*(peer.ready for peer in some))
            await asyncio.wait(
                (ready, self.failure), timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED
            )
            if self.failure.done():
                ready.cancel()
                self.failure.result()
            if not ready.done():
                raise BenchError("the server did not answer a new connection in time")
            made += some
            progress(f"{len(made)} of {count} connected")
        return made

    async def until(self, reached: Callable[[], bool], what: str) -> None:
        """Wait until something is reached; progress of any peer looks again."""
        deadline = self.loop.time() + PATIENCE
        while not reached():
            self.wake.clear()
            if self.failure.done():
                self.failure.result()
            if self.loop.time() > deadline:
                raise BenchError(f"not reached in {PATIENCE:g} s: {what}")
            try:
                async with asyncio.timeout(0.2):
                    await self.wake.wait()
            except TimeoutError:
                continue
        if self.failure.done():
            self.failure.result()

    def start(self) -> None:
        """The measured window begins."""
        self._server, self._client = self._server_cpu(), time.process_time()
        self._began = time.perf_counter()

    def stop(self, outcome: Outcome) -> Outcome:
        """The measured window ends."""
        outcome.seconds = time.perf_counter() - self._began
        outcome.server_cpu_seconds = self._server_cpu() - self._server
        outcome.client_cpu_seconds = time.process_time() - self._client
        return outcome

    def _server_cpu(self) -> float:
        plan = self.plan
        return cpu_seconds(plan.pid) + (cpu_seconds(plan.store_pid) if plan.store_pid else 0.0)

    def close(self) -> None:
        """Cut all connections."""
        for peer in self.peers:
            peer.close()


def _cause(context: dict[str, Any]) -> BaseException:  # Any: asyncio's own type of it
    cause = context.get("exception")
    return BenchError(f"{context.get('message')}: {cause!r}")


def progress(text: str) -> None:
    """One line that is written over on a terminal, told to the starting process otherwise."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
