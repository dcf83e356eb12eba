"""Fetching the sources that the rules are measured on: wheels by their hashes, never run."""

from __future__ import annotations

import fcntl
import shutil
import sys
import zipfile
from pathlib import Path

from packaging.utils import canonicalize_name, parse_wheel_filename

from checks.lock import read_lock
from checks.model import CouldNotRun
from checks.process import run_tool, tool_version
from checks.specimens import digest

_STAMP = "complete"  # as an environment has it, so that both are removed when nobody uses them
_TAIL = 1_000


def fetch(lock: Path, cache: Path) -> dict[str, Path]:
    """Return the folder of each locked distribution's files; what was fetched once is kept.

    Raises:
        CouldNotRun: it can't be fetched, or pip brought something else than the lock names.
    """
    cache.mkdir(parents=True, exist_ok=True)
    home = cache / f"wellkept-{digest(lock)[:20]}"
    with (cache / f"{home.name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if not (home / _STAMP).is_file():
            shutil.rmtree(home, ignore_errors=True)
            _download(lock, home / "wheels")
            _unpack(home)
        (home / _STAMP).touch()
    found = {one.name: one for one in (home / "sources").iterdir()}
    if odd := set(found) ^ set(read_lock(lock)):
        raise CouldNotRun(f"{lock.name} and what was fetched differ: {', '.join(sorted(odd))}")
    return found


def _download(lock: Path, wheels: Path) -> None:
    wheels.mkdir(parents=True)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
    safe = ["--require-hashes", "--only-binary", ":all:", "--no-deps"]
    done = run_tool(
        "pip",
        [*pip, *safe, "-d", str(wheels), "-r", str(lock)],
        cwd=Path.cwd(),
        version=tool_version("pip"),
    )
    if done.exit_code != 0:
        raise CouldNotRun(f"pip exited {done.exit_code}: {done.stderr.strip()[-_TAIL:]}")


def _unpack(home: Path) -> None:
    for wheel in (home / "wheels").iterdir():
        name = canonicalize_name(parse_wheel_filename(wheel.name)[0])
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(home / "sources" / name)
