"""Builds the wheel and the sdist that a run judges: once, from a clean copy, reproducibly."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from checks.context import Artifacts
from checks.model import CouldNotRun
from checks.process import clean_environment, run_tool, tool_version

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_OUTPUT_FOLDERS = frozenset({"dist", "build", "reports", "node_modules", "target", "venv", "data"})
_TAIL = 4_000
_ERROR = re.compile(r"(\w+\.)*\w*(Error|Exception)\b")


class Builder:
    """Builds on the first call and then returns the same files, or raises the same failure.

    With `isolated` the build's requirements are installed for it alone, as a foreign project
    needs; without, the build back end comes from the checks' own locked environment.
    """

    def __init__(self, project: Path, work: Path, *, epoch: int, isolated: bool) -> None:
        self._project = project
        self._work = work
        self._epoch = epoch
        self._isolated = isolated
        self._lock = threading.Lock()
        self._made: Artifacts | None = None
        self._failure: CouldNotRun | None = None

    @property
    def made(self) -> Artifacts | None:
        """The artefacts when some gate had them built, or else None."""
        return self._made

    def __call__(self) -> Artifacts:
        """Return the wheel and the sdist of this run.

        Raises:
            CouldNotRun: they could not be built, at this call or an earlier one.
        """
        with self._lock:
            if self._failure is not None:
                raise self._again(self._failure)
            if self._made is None:
                try:
                    self._made = build(
                        self._project, self._work, epoch=self._epoch, isolated=self._isolated
                    )
                except CouldNotRun as error:
                    self._failure = error
                    raise
            return self._made

    @staticmethod
    def _again(failure: CouldNotRun) -> CouldNotRun:
        """Copy a failure: one exception raised in two threads would mix their tracebacks."""
        copy = CouldNotRun(*failure.args)
        for note in getattr(failure, "__notes__", ()):
            copy.add_note(note)
        return copy


@dataclass(frozen=True, slots=True)
class Place:
    """The circumstances of a build, none of which may show in what is built.

    `prepare` is let at the copied source before the build.
    """

    folder: str = "source"
    umask: int = 0o022
    environment: Mapping[str, str] = field(default_factory=dict)
    prepare: Callable[[Path], None] | None = None


def build(
    project: Path, work: Path, *, epoch: int, isolated: bool, place: Place | None = None
) -> Artifacts:
    """Build once from a fresh copy of the project's files, in a folder of `work`.

    Raises:
        CouldNotRun: the build failed or did not make exactly one wheel and one sdist.
    """
    where = place or Place()
    source, out = work / where.folder, work / "dist"
    if isolated:
        copy_history(project, source)
    copy_source(project, source)
    if where.prepare is not None:
        where.prepare(source)
    isolation = [] if isolated else ["--no-isolation"]
    command = [sys.executable, "-m", "build", *isolation, "--outdir", str(out), str(source)]
    done = run_tool(
        "build",
        ["sh", "-c", f'umask {where.umask:03o} && exec "$@"', "sh", *command],
        cwd=work,
        env={"SOURCE_DATE_EPOCH": str(epoch), **where.environment},
        version=tool_version("build"),
    )
    if done.exit_code != 0:
        failure = CouldNotRun(
            f"the build exited {done.exit_code}: {_gist(done.stdout, done.stderr)}"
        )
        failure.add_note((done.stdout + done.stderr).strip()[-_TAIL:])
        raise failure
    return Artifacts(wheel=_only(out, "*.whl"), sdist=_only(out, "*.tar.gz"))


def copy_history(project: Path, target: Path) -> None:
    """Make the copy a checkout of the same commit, with all tags, if the project is one.

    Others' back ends ask git: setuptools-scm and hatch-vcs for the version, meson for the files.

    Raises:
        CouldNotRun: git can't copy it.
    """
    if not (project / ".git").exists():
        return
    clone = ["git", "clone", "--quiet", "--no-checkout", "--shared", str(project), str(target)]
    try:
        for command in (clone, ["git", "-C", str(target), "reset", "--quiet"]):
            subprocess.run(command, env=clean_environment(), capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", b"") or b""
        raise CouldNotRun(f"git can't copy the history: {said.decode().strip()}") from error


def copy_source(project: Path, target: Path) -> None:
    """Copy the project's files without version control, caches, environments and old output."""
    for name in source_files(project):
        destination = target / name
        destination.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(project / name, destination, follow_symlinks=False)


def source_files(project: Path) -> list[str]:
    """Return the project's files, without version control, caches, environments and old output."""
    return _tracked(project) or _walked(project)


def _tracked(project: Path) -> list[str]:
    """List what git knows or doesn't ignore; empty when the project is no git checkout."""
    if not (project / ".git").exists():
        return []
    try:
        done = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607 - git is wherever the user has it
            cwd=project,
            env=clean_environment(),
            capture_output=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise CouldNotRun("git can't list the project's files") from error
    names = (name.decode() for name in done.stdout.split(b"\0") if name)
    return [name for name in names if (project / name).is_file()]  # deleted, not yet committed


def _walked(project: Path) -> list[str]:
    files = (file.relative_to(project) for file in sorted(project.rglob("*")) if file.is_file())
    return [
        file.as_posix()
        for file in files
        if file.parts[0] not in _OUTPUT_FOLDERS
        and not any(part == "__pycache__" or part.startswith(".") for part in file.parts[:-1])
        and file.suffix != ".pyc"
    ]


def _only(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise CouldNotRun(f"the build made {len(found)} files {pattern} instead of one")
    return found[0]


def _gist(*texts: str) -> str:
    """Return the line that names the error, out of a build's long talk."""
    lines = [line.strip() for text in texts for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if _ERROR.match(line)]
    return (telling or lines or ["it said nothing"])[-1]
