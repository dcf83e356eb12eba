"""A place to run a page in: its own home, nothing of the caller's environment, no network."""

from __future__ import annotations

import fcntl
import importlib.util
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from checks.model import CouldNotRun, NotEvaluated
from checks.process import clean_environment
from checks.served import is_open, started

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from checks.docs.policy import Demands

LIMIT = 240.0  # seconds that a page may take; only one that waits in vain takes so long

_PROBE = Path(__file__).resolve().parent.parent / "probes" / "loopback_only.py"
_ALONE = ("unshare", "--user", "--map-root-user", "--net", "--")
_LOOK_LIMIT = 30


@dataclass(frozen=True, slots=True)
class Ended:
    """How a page's script ended: None is a script that did not end in time."""

    exit_code: int | None
    said: str


@dataclass(frozen=True, slots=True)
class Sandbox:
    """What all pages of a run share.

    `scripts` is the folder of the project's installed commands, `library` one with the modules that
    clients import besides, `project` the tree. `alone` says whether each page has a network
    namespace of its own, with nothing but loopback in it.
    """

    project: Path
    scripts: Path
    library: Path
    alone: bool
    limit: float = LIMIT

    def run(self, script: Path, place: Path) -> Ended:
        """Run a page's script in a new folder of `place`; whatever it started ends with it."""
        home, out = place / "page", place / "out"
        for folder in (home, out, place / "tmp"):
            folder.mkdir()
        argv = [*self._argv(place), "bash", str(script)]
        with started(argv, cwd=home) as served:
            try:
                code: int | None = served.process.wait(self.limit)
            except subprocess.TimeoutExpired:
                code = None
            return Ended(code, served.said())

    def portable(self, text: str, place: Path) -> str:
        """Take the paths of this machine out of what a page said."""
        known = {
            place / "page": ".",
            place: "scratch",
            self.scripts: "bin",
            self.project: "project",
        }
        for path, name in known.items():
            text = text.replace(str(path), name)
        return text

    def _argv(self, place: Path) -> list[str]:
        """Return the words before the command: an environment of its own, and no network."""
        variables = {
            "PATH": os.pathsep.join([str(self.scripts), os.defpath, "/usr/local/bin"]),
            "HOME": str(place / "page"),
            "TMPDIR": str(place / "tmp"),
            "OUT": str(place / "out"),
            "PROJECT": str(self.project),
            "ENVIRONMENT": str(self.scripts.parent),
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(self.library),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        clean = ["env", "-i", *(f"{name}={value}" for name, value in variables.items())]
        apart = [*_ALONE, sys.executable, "-I", str(_PROBE)] if self.alone else []
        return [*apart, *clean]


def can_be_alone() -> bool:
    """Tell whether this kernel gives us a network namespace; some give it to root alone."""
    try:
        done = subprocess.run(
            [*_ALONE, sys.executable, "-I", str(_PROBE), "true"],
            env=clean_environment(),
            capture_output=True,
            check=False,
            timeout=_LOOK_LIMIT,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def make_library(modules: Sequence[str], folder: Path) -> Path:
    """Return a folder with these modules of the checks' own environment, and no others.

    Raises:
        CouldNotRun: one is not installed, or is no package.
    """
    folder.mkdir(parents=True)
    for name in modules:
        spec = importlib.util.find_spec(name)
        places = list(spec.submodule_search_locations or ()) if spec else []
        if len(places) != 1:
            raise CouldNotRun(f"the checks' environment has no package {name}")
        (folder / name).symlink_to(places[0])
    return folder


def require_tools(demands: Demands) -> None:
    """Refuse to run pages without the commands of this system that they use.

    Raises:
        CouldNotRun: some are not installed.
    """
    missing = [one for one in ("bash", *demands.tools) if shutil.which(one) is None]
    if missing:
        raise CouldNotRun(f"pages use what this system lacks: {', '.join(missing)}")


@contextmanager
def ports_held(demands: Demands, cache: Path) -> Iterator[None]:
    """Have the ports that pages name to ourselves, where they can't have a network each.

    Raises:
        NotEvaluated: something on this machine has one of them.
    """
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "docs.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        taken = [str(port) for port in demands.ports if is_open(port)]
        if taken:
            raise NotEvaluated(
                f"pages name ports that are in use here ({', '.join(taken)}), and this system "
                "gives them no network of their own"
            )
        yield
