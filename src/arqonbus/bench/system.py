"""Figures from the operating system (Linux): CPU time, memory, the disk's own pace."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from arqonbus.bench.errors import BenchError

_TICKS = os.sysconf("SC_CLK_TCK")
# Fields of /proc/PID/stat behind the command's closing parenthesis; proc(5) numbers them from 3.
_UTIME, _STIME = 14 - 3, 15 - 3
_BLOCK = b"\0" * 4096


def cpu_seconds(pid: int) -> float:
    """User and system time that a process, all its threads together, has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[_UTIME]) + int(fields[_STIME])) / _TICKS


def memory_kib(pid: int) -> int:
    """A process' proportional set size in KiB."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    raise BenchError("the kernel tells no proportional set size")


def pin(pid: int, core: int | None) -> None:
    """Bind a process to one core; None leaves it where it is.

    Raises:
        BenchError: there is no such core.
    """
    if core is None:
        return
    try:
        os.sched_setaffinity(pid, {core})
    except OSError as error:
        usable = sorted(os.sched_getaffinity(0))
        raise BenchError(f"core {core} can't be used, these can: {usable}") from error


@contextmanager
def pinned(core: int | None) -> Iterator[None]:
    """Bind this process for a moment, so that what it starts is bound from its first thread on."""
    before = os.sched_getaffinity(0)
    pin(0, core)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def raise_file_limit(wanted: int) -> None:
    """Make room for `wanted` sockets, here and in processes started from now on.

    Raises:
        BenchError: the hard limit is lower.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise BenchError(f"{wanted} open files are needed, the hard limit is {hard} (ulimit -Hn)")
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def sync_rate(folder: Path, seconds: float) -> float:
    """Single 4 KiB appends with fdatasync that the folder's disk does a second, one at a time."""
    path = folder / "sync-rate"
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    try:
        began = time.perf_counter()
        count = 0
        while (elapsed := time.perf_counter() - began) < seconds:
            os.pwrite(descriptor, _BLOCK, count * len(_BLOCK))
            os.fdatasync(descriptor)
            count += 1
    finally:
        os.close(descriptor)
        path.unlink()
    return count / elapsed
