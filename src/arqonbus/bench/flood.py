"""The load of somebody else: another tenant's connections, as fast as the server takes it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from arqonbus.bench.frames import client_frame
from arqonbus.bench.plan import Outcome
from arqonbus.bench.session import progress
from arqonbus.bench.sockets import Connection, upgrade

if TYPE_CHECKING:
    from arqonbus.bench.plan import Plan
    from arqonbus.bench.session import Run
    from arqonbus.bench.sockets import Failed

_CHUNK = 512
BEGUN = "flooding"


def chunk(plan: Plan) -> bytes:
    """Publishes without receipts, over as many channels as the plan says."""
    payload = b"x" * plan.payload
    frames = (
        b'{"type":"message","room":"flood","channel":"c%d","qos":0,"payload":"%b"}'
        % (number % plan.flood_channels, payload)
        for number in range(max(_CHUNK, plan.flood_channels))
    )
    return b"".join(client_frame(frame, binary=False) for frame in frames)


class Flooder(Connection, asyncio.Protocol):
    """Writes whenever the socket takes more; whoever is sent away comes back at once."""

    def __init__(self, run: Run, data: bytes, failed: Failed) -> None:
        super().__init__(failed)
        self._run = run
        self._chunk = data
        self._writable = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Shake hands."""
        super().connection_made(transport)
        self._writable.set()
        self.write(upgrade(self._run.plan.port, None, self._run.plan.flood_token))

    def data_received(self, data: bytes) -> None:
        """Whatever the server answers: begin, then ignore it."""
        del data
        if not self.ready.done():
            self.ready.set_result(None)
        if self._task is None:
            self._task = self._run.loop.create_task(self._flood())

    async def _flood(self) -> None:
        while True:
            await self._writable.wait()
            self.write(self._chunk)
            await asyncio.sleep(0)

    def pause_writing(self) -> None:
        """The server takes no more at present."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """It does again."""
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Come back, unless the run is over."""
        del exc
        if self._task is not None:
            self._task.cancel()
            self._task = None
        if not self.closing:
            self._task = self._run.loop.create_task(self._again())

    async def _again(self) -> None:
        self._task = None
        try:
            await self._run.loop.create_connection(lambda: self, "127.0.0.1", self._run.plan.port)
        except OSError as error:
            self._failed(error)

    def close(self) -> None:
        """Flood no more."""
        super().close()
        if self._task is not None:
            self._task.cancel()


async def flood(run: Run) -> Outcome:
    """Say that it has begun, and go on until the process is killed."""
    data = chunk(run.plan)
    await run.connect(lambda: Flooder(run, data, run.failed), run.plan.flooders)
    progress(BEGUN)
    await run.failure
    return Outcome()
