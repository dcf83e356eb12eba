"""Outside tools, run by argument list in a cleansed environment. An exit code is data here."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from checks.model import CouldNotRun, ToolRun

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Variables by which a caller's shell could quietly change what a tool looks at or reports.
_STEERING_PREFIXES = ("PYTHON", "PYTEST_", "MYPY", "RUFF_", "SEMGREP_", "DEPTRY_", "TWINE_", "TOX_")
_STEERING_NAMES = frozenset({"VIRTUAL_ENV", "CONDA_PREFIX", "__PYVENV_LAUNCHER__"})
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, slots=True)
class Completed:
    """What a tool wrote, and the record of its run for the report."""

    stdout: str
    stderr: str
    run: ToolRun

    @property
    def exit_code(self) -> int:
        """The tool's exit code, negative when a signal ended it."""
        return self.run.exit_code


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return this process's environment without what steers tools, with `extra` laid over it."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in _STEERING_NAMES and not name.startswith(_STEERING_PREFIXES)
    }
    # Tools that draw tables break long paths at the terminal's width: give them room.
    kept.update({"NO_COLOR": "1", "COLUMNS": "1000"})
    kept.update({"PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1"})
    kept.update(extra or {})
    return kept


def run_tool(  # noqa: PLR0913 - each is one plain fact of a run; a bundle would only hide them
    name: str,
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    timeout: float = 600,
    version: str,
    root: Path | None = None,
) -> Completed:
    """Run `argv` in `cwd` and return what it wrote, whatever its exit code.

    `env` is laid over `clean_environment()`. `root` (or else `cwd`) is written as ``.`` in the
    record of the run, so that reports name no path of this machine.

    Raises:
        CouldNotRun: the tool is not there, can't be started, or took longer than `timeout`.
    """
    began = time.monotonic()
    try:
        done = subprocess.run(
            list(argv),
            cwd=cwd,
            env=clean_environment(env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise CouldNotRun(f"{name} did not end within {timeout:g} s") from error
    except OSError as error:
        raise CouldNotRun(f"{name} could not be started: {error.strerror or error}") from error
    run = ToolRun(
        name=name,
        version=version,
        argv=_portable(argv, root or cwd),
        exit_code=done.returncode,
        duration=round(time.monotonic() - began, 3),
    )
    return Completed(_text(done.stdout), _text(done.stderr), run)


def tool_version(name: str) -> str:
    """Return the version of the distribution `name` beside these checks.

    Raises:
        CouldNotRun: it is not installed.
    """
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError as error:
        raise CouldNotRun(f"{name} is not installed in the checks' environment") from error


def tool_path(name: str) -> str:
    """Return the path of the command `name` beside the running Python, never one from PATH.

    Raises:
        CouldNotRun: there is none.
    """
    path = Path(sys.executable).parent / name
    if not path.is_file():
        raise CouldNotRun(f"the command {name} is not installed in the checks' environment")
    return str(path)


def _portable(argv: Sequence[str], root: Path) -> tuple[str, ...]:
    """Replace the root by ``.`` and the interpreter's folder by nothing."""
    scripts = str(Path(sys.executable).parent) + os.sep
    return tuple(part.replace(str(root), ".").replace(scripts, "") for part in argv)


def _text(raw: bytes) -> str:
    """Decode what a tool wrote, without colours: some ignore NO_COLOR."""
    return _COLOUR.sub("", raw.decode("utf-8", errors="replace"))
