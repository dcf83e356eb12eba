"""Where a scenario plays: a folder, stores and buses, all ended with it."""

from __future__ import annotations

import json
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Self

from checks.durability.valkey import Valkey
from checks.peer import Frame, Peer, connected
from checks.served import free_ports, get, started

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from checks.served import Served

_EVERY = 0.02


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds that only a fault takes: to start, to answer, and to notice that something changed.

    `load` is how many messages are acknowledged before a kill.
    """

    boot: float = 60
    answer: float = 20
    turn: float = 30
    load: int = 500


class Bus:
    """One started bus."""

    def __init__(
        self, served: Served, ports: Sequence[int], limits: Limits, stack: ExitStack
    ) -> None:
        self.served = served
        self.port, self.http_port = ports
        self._limits = limits
        self._stack = stack

    def peer(self) -> Peer:
        """A new connection."""
        return self._stack.enter_context(connected(self.port, self._limits.answer))

    def page(self, path: str) -> tuple[int, str]:
        """Return a page's status and text; 0 when it can't be had."""
        return get(self.http_port, path) or (0, "")

    def health(self) -> Frame:
        """Return what ``/health`` says of the store; empty when it says nothing."""
        try:
            told = json.loads(self.page("/health")[1])["storage"]
        except (ValueError, TypeError, KeyError):
            return {}
        return told if isinstance(told, dict) else {}

    def metric(self, name: str) -> float | None:
        """Return a gauge without labels; None when it is not among the metrics."""
        for line in self.page("/metrics")[1].splitlines():
            if line.startswith(f"{name} "):
                return float(line.rpartition(" ")[2])
        return None

    def becomes(self, holds: Callable[[], bool], *, limit: float | None = None) -> bool:
        """Wait until something holds; false when it doesn't within the limit."""
        deadline = time.monotonic() + (self._limits.turn if limit is None else limit)
        while time.monotonic() < deadline:
            if holds():
                return True
            time.sleep(_EVERY)
        return False

    def is_ready(self) -> bool:
        """Tell whether ``/ready`` answers 200."""
        return self.page("/ready")[0] == HTTPStatus.OK

    def boots(self) -> bool:
        """Wait until it is ready; false when it ended or the time is over."""
        running = self.served.process
        self.becomes(lambda: self.is_ready() or running.poll() is not None, limit=self._limits.boot)
        return running.poll() is None and self.is_ready()

    def kill(self) -> None:
        """End it as kill -9 does."""
        self.served.process.kill()
        self.served.process.wait()


class Stage:
    """What one scenario starts; ends it all."""

    def __init__(self, command: Sequence[str], valkey: Path, limits: Limits) -> None:
        self.limits = limits
        self._command = list(command)
        self._binary = valkey
        self._stack = ExitStack()
        self._folder = Path()

    def __enter__(self) -> Self:
        self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stack.close()

    def valkey(self, **settings: str) -> Valkey:
        """A store that is not running yet; `settings` with underscores for dashes."""
        named = {name.replace("_", "-"): value for name, value in settings.items()}
        return Valkey(self._binary, self._folder / "valkey", self._stack, named)

    def bus(self, backend: str, valkey: Valkey | None = None, mode: str = "strict") -> Bus:
        """Start a bus; all of one scenario have the same folder."""
        ports = free_ports(2)
        argv = ["serve", "--port", str(ports[0]), "--http-port", str(ports[1])]
        argv += ["--data-dir", str(self._folder / "data")]
        env = {"ARQONBUS_STORAGE_BACKEND": backend}
        if valkey is not None:
            env |= {
                "ARQONBUS_STORAGE_MODE": mode,
                "ARQONBUS_STORAGE_DURABILITY": "disk",
                "ARQONBUS_REDIS_URL": f"redis://127.0.0.1:{valkey.port}/0",
                "ARQONBUS_REDIS_TIMEOUT": "2",
                "ARQONBUS_REDIS_ATTEST_INTERVAL": "1",
            }
        served = self._stack.enter_context(
            started([*self._command, *argv], cwd=self._folder, env=env)
        )
        return Bus(served, ports, self.limits, self._stack)
