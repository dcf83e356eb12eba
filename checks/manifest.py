"""The list of everything that must be looked at, made before any gate runs."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from checks.layout import Package, find_packages, rust_files, vendored_crates
from checks.lock import OF_TOOLS, RUNTIME_LOCK, Lock, find_lock, load_lock, require_declared
from checks.model import CouldNotRun
from checks.setupfile import FILES, setuptools_settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path, PurePosixPath


@dataclass(frozen=True, slots=True)
class Manifest:
    """What there is to check; paths are POSIX and relative to the project's root.

    `shipped` are the files of the import packages (what the wheel is made from); `python` those
    ending in .py or .pyi; `rust` the .rs files of crates. `packages` are top-level import names,
    `package_roots` the folders that hold them (``src`` or ``.``). `locked` maps each locked
    runtime distribution (canonical name) to its version; `others` are (name, version) of further
    versions, for other machines. `lock` is the runtime lock's path or None, `requirements` what
    it says in pip's form, `lock_problem` why what looks like one can't be taken for it. `version`
    is the project's ("dynamic" when the build decides it), `name` its distribution name. `doubts`
    say what had to be guessed; every report repeats them.
    """

    name: str
    version: str
    packages: tuple[str, ...]
    package_roots: tuple[PurePosixPath, ...]
    shipped: frozenset[str]
    python: frozenset[str]
    rust: frozenset[str]
    lock: str | None
    locked: dict[str, str]
    doubts: tuple[str, ...] = ()
    others: frozenset[tuple[str, str]] = frozenset()
    requirements: str = ""
    lock_problem: str = ""


def build_manifest(project: Path) -> Manifest:
    """List what the project in the folder `project` ships and locks.

    Raises:
        CouldNotRun: no file that describes it can be read, no package, or the lock can't be parsed.
    """
    settings = read_settings(project)
    head = cast("dict[str, object]", settings["project"])
    name = str(head.get("name") or project.name)
    found = find_packages(project, name, settings)
    if not found.packages:
        raise CouldNotRun("the project has no import package: there is nothing to check")
    shipped = frozenset(_files(project, found.packages))
    lock, problem = _find_lock(project, head)
    return Manifest(
        name=name,
        version=str(head.get("version") or "dynamic"),
        packages=tuple(sorted({one.name for one in found.packages})),
        package_roots=tuple(sorted({one.root for one in found.packages})),
        shipped=shipped,
        python=frozenset(path for path in shipped if path.endswith((".py", ".pyi"))),
        rust=frozenset(rust_files(project)),
        lock=lock.file if lock else None,
        locked=lock.locked if lock else {},
        doubts=tuple(one for one in (*_doubts(project, head, lock), found.doubt, problem) if one),
        others=lock.others if lock else frozenset(),
        requirements=lock.requirements if lock else "",
        lock_problem=problem,
    )


def _find_lock(project: Path, head: Mapping[str, object]) -> tuple[Lock | None, str]:
    """Return the runtime lock, or why another tool's can't be taken for it.

    Raises:
        CouldNotRun: requirements with hashes do not pin everything.
    """
    file = find_lock(project)
    if file is None:
        return None, ""
    try:
        lock = load_lock(project, file)
        if file in OF_TOOLS:
            require_declared(lock, head)
    except CouldNotRun as error:
        if file not in OF_TOOLS:
            raise
        return None, str(error)
    return lock, ""


def _doubts(project: Path, head: Mapping[str, object], lock: Lock | None) -> Iterable[str]:
    """Yield what was taken for granted, or left out, without anybody having said so."""
    if not head.get("name"):
        yield "no file says the project's name: the folder's was taken"
    if lock is not None and lock.file != RUNTIME_LOCK:
        yield f"{lock.file} has hashes, so it was taken for the runtime lock"
    if crates := vendored_crates(project):
        yield f"{len(crates)} vendored crates were not looked into: {', '.join(crates[:3])} ..."


def read_settings(project: Path) -> dict[str, object]:
    """Return pyproject.toml with, beneath it, what setup.cfg and setup.py say to setuptools.

    Raises:
        CouldNotRun: a file can't be read, or there is none at all.
    """
    pyproject = read_pyproject(project)
    head = _table(pyproject, "project") or _table(_table(pyproject, "tool"), "poetry")
    back_end = str(_table(pyproject, "build-system").get("build-backend", "setuptools"))
    if not back_end.startswith("setuptools"):
        return {**pyproject, "project": head}
    old = setuptools_settings(project)
    tools = _table(pyproject, "tool")
    shape = {**_table(_table(old, "tool"), "setuptools"), **_table(tools, "setuptools")}
    return {
        **pyproject,
        "project": {**_table(old, "project"), **head},
        "tool": {**tools, "setuptools": shape},
    }


def _table(table: Mapping[str, object], key: str) -> dict[str, object]:
    inner = table.get(key)
    return inner if isinstance(inner, dict) else {}


def read_pyproject(project: Path) -> dict[str, object]:
    """Return the parsed pyproject.toml; empty for a project that has only older files.

    Raises:
        CouldNotRun: it is malformed, or there is none and nothing older.
    """
    try:
        return tomllib.loads((project / "pyproject.toml").read_text("utf-8"))
    except FileNotFoundError as error:
        if any((project / name).is_file() for name in FILES):
            return {}
        raise CouldNotRun("the project has no pyproject.toml, setup.cfg or setup.py") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CouldNotRun(f"pyproject.toml can't be read: {error}") from error


def _files(project: Path, packages: Iterable[Package]) -> Iterable[str]:
    for package in packages:
        path = project / package.path
        for file in [path] if path.is_file() else path.rglob("*"):
            if file.is_file() and "__pycache__" not in file.parts and file.suffix != ".pyc":
                yield file.relative_to(project).as_posix()
