"""Facts about the project's checkout and this machine that a report names."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
from importlib import metadata
from typing import TYPE_CHECKING

from checks.model import CouldNotRun
from checks.outcome import FileDigest, Subject, Surroundings
from checks.process import clean_environment
from checks.specimens import digest

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from checks.context import Artifacts
    from checks.manifest import Manifest
    from checks.model import GateResult

# 2020-01-01: for a tree without history; wheels can't be dated before 1980.
_FIXED_EPOCH = 1_577_836_800


def describe_subject(project: Path, manifest: Manifest, artifacts: Artifacts | None) -> Subject:
    """Return what was judged; the checkout's state is read when this is called."""
    commit, dirty = commit_of(project)
    return Subject(
        project=manifest.name,
        version=manifest.version,
        commit=commit,
        dirty=dirty,
        wheel=_file(artifacts.wheel) if artifacts else None,
        sdist=_file(artifacts.sdist) if artifacts else None,
    )


def commit_of(project: Path) -> tuple[str | None, bool | None]:
    """Return the commit that is checked out and whether something was changed; None: no history."""
    commit = _git(project, "rev-parse", "HEAD")
    state = _git(project, "status", "--porcelain") if commit is not None else None
    return commit, None if state is None else bool(state)


def tags_of(project: Path) -> tuple[str, ...]:
    """Return the tags of the commit that is checked out; none where there is no history.

    Raises:
        CouldNotRun: git can't list them.
    """
    if _git(project, "rev-parse", "HEAD") is None:
        return ()
    tags = _git(project, "tag", "--points-at", "HEAD")
    if tags is None:
        raise CouldNotRun("git can't list the commit's tags")
    return tuple(tags.split())


def tree_state(project: Path, manifest: Manifest) -> str:
    """Return a digest of the commit, the metadata, the lock and every shipped file."""
    total = hashlib.sha256((_git(project, "rev-parse", "HEAD") or "").encode())
    extra = {"pyproject.toml", *([manifest.lock] if manifest.lock else [])}
    for name in sorted(manifest.shipped | manifest.rust | extra):
        path = project / name
        inner = digest(path) if path.is_file() else "gone"
        total.update(f"\0{name}\0{inner}".encode())
    return total.hexdigest()


def describe_surroundings(
    project: Path,
    policies: Path,
    uri: str,
    manifest: Manifest,
    results: Iterable[GateResult],
) -> Surroundings:
    """Return where and with what it was judged."""
    tools = {
        run.name: run.version
        for result in results
        if result.output is not None
        for run in result.output.tools
    }
    return Surroundings(
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        python=f"{platform.python_implementation()} {sys.version.split()[0]}",
        lock_sha256=digest(project / manifest.lock) if manifest.lock else None,
        policy_sha256=digest(policies),
        policy_uri=uri,
        tools=dict(sorted({"build": _version("build"), **tools}.items())),
    )


def source_date_epoch(project: Path) -> int:
    """Return the moment that builds are dated with: given, the commit's, or a fixed one.

    Raises:
        CouldNotRun: SOURCE_DATE_EPOCH is set and is no number of seconds.
    """
    given = os.environ.get("SOURCE_DATE_EPOCH") or _git(project, "log", "-1", "--format=%ct")
    if given is None:
        return _FIXED_EPOCH
    if not given.isdecimal():
        raise CouldNotRun(f"SOURCE_DATE_EPOCH is no number of seconds: {given[:40]!r}")
    return int(given)


def _git(project: Path, *arguments: str) -> str | None:
    """Return what git says of a checkout whose root is the project, or None when it is none."""
    if not (project / ".git").exists():
        return None
    try:
        done = subprocess.run(
            ["git", *arguments],  # noqa: S607 - git is wherever the user has it
            cwd=project,
            env=clean_environment(),
            capture_output=True,
            check=True,
            text=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None  # a checkout without commits, or no git: the report says "no commit"
    return done.stdout.strip()


def _file(path: Path) -> FileDigest:
    return FileDigest(path.name, hashlib.sha256(path.read_bytes()).hexdigest())


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"
