"""Commands that may serve: started, watched for sockets that listen, and always ended."""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from checks.listening import listening_inodes
from checks.model import CouldNotRun
from checks.process import clean_environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_LOOK_EVERY = 0.002
_LOCAL = "127.0.0.1"
# In an order of its own for each process, and none twice before all had their turn: one that was
# drawn a moment ago may not be listened on yet.
_PORTS: Final = itertools.cycle(secrets.SystemRandom().sample(range(16_384, 32_768), 16_384))


@dataclass(slots=True)
class Served:
    """A started command; it leads a session of its own, so that its children end with it."""

    process: subprocess.Popen[bytes]
    _out: IO[bytes]
    _err: IO[bytes]

    def said(self) -> str:
        """Return all that it has written to standard error, then standard output."""
        return "\n".join(_whole(file) for file in (self._err, self._out)).strip()

    def errors(self) -> str:
        """Return all that it has written to standard error."""
        return _whole(self._err)

    def listens(self) -> bool:
        """Tell whether it or a child of it has a listening TCP socket at this moment."""
        return self.holds(listening_inodes())

    def holds(self, inodes: frozenset[str]) -> bool:
        """Tell whether it or a child of it has one of these sockets open."""
        return any(inodes & _socket_inodes(pid) for pid in _session(self.process.pid))


@contextmanager
def started(
    argv: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None
) -> Iterator[Served]:
    """Start a command in an environment without any ARQONBUS_ variable but those in `env`."""
    surroundings = {
        name: value
        for name, value in clean_environment().items()
        if not name.upper().startswith("ARQONBUS_")
    }
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        try:
            process = subprocess.Popen(
                list(argv),
                cwd=cwd,
                env=surroundings | dict(env or {}),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        except OSError as error:
            raise CouldNotRun(f"{Path(argv[0]).name} could not be started: {error}") from error
        try:
            yield Served(process, out, err)
        finally:
            _end(process)


def watch_until_exit(served: Served, limit: float) -> bool:
    """Wait for the command's end, at most `limit` seconds; return whether it listened meanwhile.

    It is left alone as soon as it is seen to listen: whether it would have refused later is no
    matter.
    """
    deadline = time.monotonic() + limit
    foreign: frozenset[str] = frozenset()
    before: frozenset[str] = frozenset()
    while served.process.poll() is None and time.monotonic() < deadline:
        # To ask whose a socket is takes a walk through all processes; others' are asked of twice
        # only, since a child of ours may come to be during a walk.
        new = listening_inodes() - foreign
        if new and served.holds(new):
            return True
        foreign |= new & before
        before = new
        time.sleep(_LOOK_EVERY)
    return False


def wait_ready(served: Served, http_port: int, limit: float) -> bool:
    """Wait until ``/ready`` answers 200; false when the command ended or the time is over."""
    deadline = time.monotonic() + limit
    while served.process.poll() is None and time.monotonic() < deadline:
        page = get(http_port, "/ready")
        if page is not None and page[0] == HTTPStatus.OK:
            return True
        time.sleep(0.02)
    return False


def terminate(served: Served, limit: float) -> int | None:
    """Send SIGTERM and return the exit code, or None when it did not end in time."""
    served.process.send_signal(signal.SIGTERM)
    try:
        return served.process.wait(limit)
    except subprocess.TimeoutExpired:
        return None


def free_ports(count: int) -> list[int]:
    """Return ports of this machine that were free a moment ago, all different.

    They lie below those that the system gives to outgoing connections (RFC 6056), and no other
    caller gets them too, so that meanwhile neither takes them.
    """
    ports: list[int] = []
    with contextlib.ExitStack() as held:
        while len(ports) < count:
            one = held.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                one.bind((_LOCAL, next(_PORTS)))
                ports.append(int(one.getsockname()[1]))
    return ports


def is_open(port: int) -> bool:
    """Tell whether something accepts connections on a port of this machine."""
    try:
        with socket.create_connection((_LOCAL, port), timeout=1):
            return True
    except OSError:
        return False


def get(port: int, path: str) -> tuple[int, str] | None:
    """Return status and text of a page of this machine, or None when it can't be had."""
    connection = HTTPConnection(_LOCAL, port, timeout=2)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode("utf-8", errors="replace")
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the whole group: children that outlive the command count as left behind."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _session(leader: int) -> Iterator[int]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if os.getsid(int(entry.name)) == leader:
                    yield int(entry.name)


def _socket_inodes(pid: int) -> frozenset[str]:
    found = set()
    with contextlib.suppress(OSError):  # the process ended while we looked
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                target = str(entry.readlink())
                found.add(target.removeprefix("socket:[").removesuffix("]"))
    return frozenset(found)


def _whole(file: IO[bytes]) -> str:
    """Read from the start without moving the offset that the command writes at."""
    size = os.fstat(file.fileno()).st_size
    return os.pread(file.fileno(), size, 0).decode("utf-8", errors="replace")
