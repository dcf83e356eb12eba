"""A bus in a process of its own, as a user starts it, on free ports."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

START_LIMIT = 30


@dataclass
class Server:
    """A running bus: `url` and `http` are its addresses, `log` all that it has logged so far."""

    process: asyncio.subprocess.Process
    url: str
    http: str
    log: list[dict[str, object]] = field(default_factory=list)

    async def stop(self, number: int = signal.SIGTERM) -> int:
        if self.process.returncode is None:
            self.process.send_signal(number)
        return await asyncio.wait_for(self.process.wait(), START_LIMIT)

    def events(self, name: str) -> list[dict[str, object]]:
        return [line for line in self.log if line.get("event") == name]


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """This process' environment with nothing of ArqonBus' but `settings`."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("ARQONBUS_")}
    source = str(Path(__file__).parents[2] / "src")
    return {**kept, "PYTHONPATH": source, "ARQONBUS_LOG_FORMAT": "json", **settings}


def serving(data_dir: Path, **settings: object) -> AbstractAsyncContextManager[Server]:
    """Start a bus; `settings` are ARQONBUS_ variables in lower case without the prefix."""
    return running(("-m", "arqonbus"), data_dir, **settings)


@asynccontextmanager
async def running(
    program: Sequence[str], data_dir: Path, /, **settings: object
) -> AsyncIterator[Server]:
    """The same by Python's arguments before ``serve``."""
    env = {f"ARQONBUS_{name.upper()}": str(value) for name, value in settings.items()}
    ports = {"ARQONBUS_PORT": "0", "ARQONBUS_HTTP_PORT": "0", "ARQONBUS_DATA_DIR": str(data_dir)}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *program,
        "serve",
        env=environment(ports | env),
        stderr=asyncio.subprocess.PIPE,
    )
    server = Server(process, "", "")
    reader = asyncio.create_task(_read_log(server))
    try:
        await asyncio.wait_for(_until_serving(server, reader), START_LIMIT)
        yield server
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await reader


async def _read_log(server: Server) -> None:
    assert server.process.stderr is not None
    while line := await server.process.stderr.readline():
        try:
            entry = json.loads(line)
        except ValueError:
            entry = {"event": "unreadable", "line": line.decode(errors="replace")}
        server.log.append(entry)
        if entry.get("event") == "serving":
            server.http = str(entry["http"])
            server.url = str(entry["websocket"])


async def _until_serving(server: Server, reader: asyncio.Task[None]) -> None:
    while not server.url:
        if reader.done():
            raise AssertionError(f"the bus did not start: {server.log}")
        await asyncio.sleep(0.01)
