"""Which process holds a store, so that another one on this machine can tell whether it lives."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")


def this_process() -> str:
    """Machine, boot, process namespace, process and its start; "-" for what can't be known."""
    boot = _first_line(_PROC / "sys/kernel/random/boot_id")
    pid = os.getpid()
    return " ".join([socket.gethostname() or "-", boot, _namespace(), str(pid), _start(pid)])


def describe(holder: str) -> str:
    """A holder in words."""
    parts = holder.split(" ")
    return f"process {parts[3]} on {parts[0]}" if len(parts) == 5 else "an unknown process"  # noqa: PLR2004 - the fields of this_process


def lives(holder: str) -> bool | None:
    """Whether that process lives; None when it can't be told from here."""
    theirs, ours = holder.split(" "), this_process().split(" ")
    if theirs[:3] != ours[:3] or "-" in theirs[1:]:
        return None
    pid = theirs[3]
    return pid.isdecimal() and _start(int(pid)) == theirs[4]


def _namespace() -> str:
    try:
        return str((_PROC / "self/ns/pid").readlink())
    except OSError:
        return "-"


def _start(pid: int) -> str:
    """When a process began (clock ticks after boot): numbers are used again, this is not."""
    # The name before it, in brackets, may hold anything.
    fields = _first_line(_PROC / str(pid) / "stat").rpartition(")")[2].split()
    if len(fields) < 20 or fields[0] in "ZX":  # noqa: PLR2004 - proc(5): fields from the third on
        return "-"
    return fields[19]


def _first_line(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").partition("\n")[0]
    except OSError:
        return "-"
