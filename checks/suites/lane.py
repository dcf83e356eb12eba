"""One copy of a project's tree, and the process that runs tests in it again and again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Self

import msgspec

from checks.model import CouldNotRun
from checks.process import clean_environment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import IO

    from checks.suites.sampling import Module, MutationPolicy

_PROGRAM = Path(__file__).resolve().parents[1] / "probes" / "forked_tests.py"
_TAIL = 4_000


class Answer(msgspec.Struct, frozen=True):
    """How a run ended: pytest's exit status (negative: by that signal), the tests that passed, the
    first that failed, and the seconds of CPU.
    """

    exit: int
    seconds: float
    passed: int = 0
    failed: str = ""


class Lane:
    """Runs tests in a folder; a context manager, in which one thread at a time may ask."""

    def __init__(self, folder: Path, policy: MutationPolicy) -> None:
        self._folder = folder
        self._policy = policy

    def __enter__(self) -> Self:
        """Start the process. Bytecode of the copy is written once and read by each run."""
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(_PROGRAM)],
            cwd=self._folder,
            env=clean_environment({"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": ""}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the process, which ends with its input."""
        _pipe(self._process.stdin).close()
        self._process.wait()
        _pipe(self._process.stdout).close()

    def load(self, tests: Sequence[str]) -> Answer:
        """Load what tests need from outside the tree, so that no run has to do it again."""
        return self._ask({"collect": list(tests)})

    def run(self, module: Module, text: str | None = None) -> Answer:
        """Run a module's tests, with this text in the module's place or as it is."""
        harm = {} if text is None else {"file": module.path, "text": text}
        return self._ask({"tests": module.tests, "options": self._policy.options, **harm})

    def said(self) -> str:
        """Return the end of what the last run printed."""
        log = self._folder / ".tests.log"
        return log.read_text("utf-8", errors="replace")[-_TAIL:] if log.is_file() else ""

    def _ask(self, request: dict[str, object]) -> Answer:
        bounds = {"cpu": self._policy.cpu, "wall": self._policy.wall}
        try:
            given = _pipe(self._process.stdin)
            given.write(msgspec.json.encode({**request, **bounds}) + b"\n")
            given.flush()
            return msgspec.json.decode(_pipe(self._process.stdout).readline(), type=Answer)
        except (OSError, msgspec.MsgspecError) as error:
            raise CouldNotRun(f"the process that runs tests is gone: {error}") from error


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise CouldNotRun("the process that runs tests has no pipes")
    return stream
