"""Virtual environments made from a lock, kept in the cache under a hash of all that went in."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from checks.lock import OF_TOOLS
from checks.model import CouldNotRun
from checks.process import run_tool, tool_version
from checks.specimens import digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from checks.context import Context

_STAMP = "complete"
_TAIL = 2_000
_UNUSED = 7 * 86_400.0


def make_environment(
    context: Context, lock: Path, *, extra: Sequence[str | Path] = (), name: str
) -> Path:
    """Return the Python of an environment that holds exactly what `lock` pins, and `extra`.

    `extra` is installed afterwards without dependencies: a `Path` is a wheel (its contents are
    part of the key), a string a requirement ``name==version``. The environment is built in place
    (scripts carry absolute paths, so a finished one can't be moved) under a file lock, and counts
    only with its stamp; one without a stamp is thrown away and built anew.

    Raises:
        CouldNotRun: the environment could not be made.
    """
    context.cache.mkdir(parents=True, exist_ok=True)
    home = context.cache / f"{name}-{_key(lock, extra)}"
    with _exclusive(home.parent / f"{home.name}.lock"):
        if not (home / _STAMP).is_file():
            _build(home, lock, extra, whole=context.manifest.lock in OF_TOOLS)
        (home / _STAMP).touch()
    return python_of(home)


def forget_unused(cache: Path, now: float) -> None:
    """Remove environments that no run has used for a week (`now` in seconds since the epoch)."""
    for stamp in cache.glob(f"*/{_STAMP}"):
        home = stamp.parent
        with _exclusive(cache / f"{home.name}.lock"):
            if stamp.is_file() and now - stamp.stat().st_mtime > _UNUSED:
                stamp.unlink()  # first: what is half removed does not count
                shutil.rmtree(home)


def python_of(home: Path) -> Path:
    """Return the interpreter of the environment in `home`."""
    folder = "Scripts" if sys.platform == "win32" else "bin"
    return home / folder / ("python.exe" if sys.platform == "win32" else "python")


def site_of(python: Path) -> Path:
    """Return the folder that an environment's distributions are installed in.

    Raises:
        CouldNotRun: there is none, or more than one.
    """
    pattern = "Lib/site-packages" if sys.platform == "win32" else "lib/python*/site-packages"
    found = sorted(python.parent.parent.glob(pattern))
    if len(found) != 1:
        raise CouldNotRun(f"an environment has {len(found)} folders of distributions")
    return found[0]


def _key(lock: Path, extra: Sequence[str | Path]) -> str:
    parts = [sys.version, sys.executable, digest(lock)]
    parts += [digest(one) if isinstance(one, Path) else one for one in extra]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:20]


def _build(home: Path, lock: Path, extra: Sequence[str | Path], *, whole: bool) -> None:
    """Make an environment; a lock that is said to be `whole` is installed line by line.

    pip takes the pin of `a` for no pin of `a[more]`, and uv, poetry and PEP 751 write no extras
    into pins: pip would look for what it needs not. So it is asked afterwards what is missing.
    """
    shutil.rmtree(home, ignore_errors=True)
    _python(sys.executable, ["-m", "venv", str(home)], "venv")
    python = str(python_of(home))
    pip = ["-m", "pip", "--disable-pip-version-check", "install", "--only-binary", ":all:"]
    if _pins_something(lock):
        alone = ["--no-deps"] if whole else []
        _python(python, [*pip, *alone, "--require-hashes", "-r", str(lock)], "pip")
        if whole:
            _require_whole(python)
    if extra:
        _python(python, [*pip, "--no-deps", *map(str, extra)], "pip")
    (home / _STAMP).touch()


def _require_whole(python: str) -> None:
    """Ask pip what installed distributions need and nobody locked; overridden versions may be.

    Raises:
        CouldNotRun: something is missing.
    """
    command = [python, "-m", "pip", "--disable-pip-version-check", "check"]
    said = run_tool("pip", command, cwd=Path.cwd(), version=tool_version("pip")).stdout
    if missing := [line for line in said.splitlines() if "which is not installed" in line]:
        raise CouldNotRun(f"the lock is not whole: {'; '.join(missing)}")


def _pins_something(lock: Path) -> bool:
    """Tell whether the lock has a line to install: pip refuses an empty file only with a hint."""
    lines = (line.strip() for line in lock.read_text("utf-8").splitlines())
    return any(line and not line.startswith("#") for line in lines)


def _python(python: str, arguments: list[str], tool: str) -> None:
    version = tool_version("pip") if tool == "pip" else sys.version.split()[0]
    done = run_tool(tool, [python, *arguments], cwd=Path.cwd(), version=version, timeout=900)
    if done.exit_code != 0:
        raise CouldNotRun(f"{tool} exited {done.exit_code}: {done.stderr.strip()[-_TAIL:]}")


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    """Hold a file lock: gates run side by side, and so may two release checks."""
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
