"""Runs tests again and again in forks of one process that has loaded all outside libraries.

Loading them is most of the cost of a small run of pytest. The program stands in a copy of a
project, reads a request a line from its standard input, and answers each with a line. It is run by
its path, so that nothing of these checks can be imported by what is tested.

    {"collect": ["tests/a.py"]}                   load what these tests load
    {"tests": ["tests/a.py"], "file": "src/a.py", "text": "...", "cpu": 10, "wall": 60}
                                                  run them with this text in that file, or as it is
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import json
import os
import resource
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

import pytest

_QUIET = (
    *("-q", "-p", "no:cacheprovider", "-n", "0", "--basetemp", ".tmp"),
    # What is loaded beforehand has had its chance of being rewritten.
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),
)
_NOTES = Path(".tests.json")
_CRASHED = 70  # EX_SOFTWARE of sysexits.h; no status of pytest's


class _Witness:
    """Counts the tests that passed, and notes the first that did not."""

    def __init__(self) -> None:
        self.passed = 0
        self.failed = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a report."""
        self.passed += report.when == "call" and report.passed
        if report.failed and not self.failed:
            self.failed = report.nodeid

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a file that can't be loaded."""
        if report.failed and not self.failed:
            self.failed = report.nodeid


def main() -> None:
    """Answer until the input ends."""
    for line in sys.stdin:
        request = json.loads(line)
        answer = _collect(request) if "collect" in request else _run(request)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _collect(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON, both
    """Collect in a fork, which writes bytecode for all that follow, and load what it loaded."""
    answer = _forked({**request, "arguments": ["--collect-only", *request["collect"]]})
    for name in answer.pop("modules", ()):
        if name not in sys.modules:
            # What can't be loaded alone is loaded by each run that needs it: slower, no less true.
            with contextlib.suppress(Exception):
                importlib.import_module(name)
    sys.dont_write_bytecode = True
    return answer


def _run(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON, both
    arguments = ["-x", *request.get("options", ()), *request["tests"]]
    if "text" not in request:
        return _forked({**request, "arguments": arguments})
    file = Path(request["file"])
    original = file.read_bytes()
    # Bytecode is told to be stale by a time in whole seconds and a size: too coarse for this.
    Path(importlib.util.cache_from_source(str(file))).unlink(missing_ok=True)
    file.write_text(request["text"], "utf-8")
    try:
        return _forked({**request, "arguments": arguments})
    finally:
        file.write_bytes(original)


def _forked(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON, both
    """Run pytest in a fork with bounded time; its exit status is negative when a signal ended it.

    The fork hands over what it noted in a file: a pipe would stay open in what it leaves running.
    """
    _NOTES.unlink(missing_ok=True)
    child = os.fork()
    if child == 0:
        _child(request)
    _, status, used = os.wait4(child, 0)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # whatever the tests left running
    noted: dict[str, Any] = json.loads(_NOTES.read_bytes()) if _NOTES.is_file() else {}  # Any: JSON
    seconds = round(used.ru_utime + used.ru_stime, 3)
    return {**noted, "exit": os.waitstatus_to_exitcode(status), "seconds": seconds}


def _child(request: dict[str, Any]) -> None:  # Any: JSON
    """Never return: what follows belongs to the parent alone."""
    status = _CRASHED
    try:
        os.setsid()
        _redirect()
        signal.setitimer(signal.ITIMER_REAL, request["wall"])
        resource.setrlimit(resource.RLIMIT_CPU, (request["cpu"], request["cpu"] + 1))
        witness = _Witness()
        status = int(pytest.main([*_QUIET, *request["arguments"]], plugins=[witness]))
        modules = _outside_modules() if "collect" in request else []
        noted = {"passed": witness.passed, "failed": witness.failed, "modules": modules}
        _NOTES.write_text(json.dumps(noted), "utf-8")
    except BaseException:  # noqa: BLE001 - the fork's edge: told by the status and in the log
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)


def _redirect() -> None:
    """Keep what tests print out of the answers."""
    log = os.open(".tests.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)


def _outside_modules() -> list[str]:
    """Return what was loaded from outside the tree, in the order in which it was."""
    here = str(Path.cwd()) + os.sep
    files = {name: getattr(one, "__file__", None) for name, one in [*sys.modules.items()]}
    return [name for name, file in files.items() if file and not file.startswith(here)]


if __name__ == "__main__":
    main()
