"""Whether the process that held a store can be told to be dead."""

from __future__ import annotations

import subprocess
import sys

import pytest

from arqonbus.storage.redis.holder import describe, lives, this_process

linux = pytest.mark.skipif(sys.platform != "linux", reason="only /proc tells")


def of(**changes: str) -> str:
    names = ["host", "boot", "namespace", "pid", "start"]
    parts = dict(zip(names, this_process().split(" "), strict=True)) | changes
    return " ".join(parts.values())


@linux
def test_this_process_lives_and_others_are_told_apart() -> None:
    assert lives(this_process()) is True
    assert lives(of(start="1")) is False
    assert lives(of(pid="4194999")) is False
    assert lives(of(pid="../self")) is False


def test_what_cannot_be_told_from_here() -> None:
    for changed in ("host", "boot", "namespace"):
        assert lives(of(**{changed: "another"})) is None
    assert lives(of(boot="-")) is None
    assert lives("anything else") is None


@linux
def test_a_process_that_ended_but_was_not_collected_is_dead() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        with open(f"/proc/{child.pid}/stat", encoding="utf-8") as stat:  # noqa: PTH123 - a pseudo file
            start = stat.read().rpartition(")")[2].split()[19]
        holder = of(pid=str(child.pid), start=start)
        assert lives(holder) is True
        child.kill()
        # Left unread by wait(), it stays in the table as a zombie.
        os_wait_until_dead(child.pid)
        assert lives(holder) is False


def os_wait_until_dead(pid: int) -> None:
    import os

    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


def test_a_holder_in_words() -> None:
    assert describe("host b n 7 9") == "process 7 on host"
    assert describe("") == "an unknown process"
