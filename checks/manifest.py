"""The list of everything that must be looked at, made before any gate runs."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from packaging.utils import canonicalize_name

from checks.layout import Package, find_packages, rust_files
from checks.lock import read_lock
from checks.model import CouldNotRun

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path, PurePosixPath

RUNTIME_LOCK = "policies/lock/runtime.txt"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What there is to check; paths are POSIX and relative to the project's root.

    `shipped` are the files of the import packages (what the wheel is made from); `python` those
    ending in .py or .pyi; `rust` the .rs files of crates. `packages` are top-level import names,
    `package_roots` the folders that hold them (``src`` or ``.``). `locked` maps each locked
    runtime distribution (canonical name) to its version; `lock` is the runtime lock's path or
    None. `version` is the project's ("dynamic" when the build decides it), `name` its
    distribution name.
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


def build_manifest(project: Path) -> Manifest:
    """List what the project in the folder `project` ships and locks.

    Raises:
        CouldNotRun: there is no readable pyproject.toml, no package, or the lock can't be parsed.
    """
    metadata = read_pyproject(project)
    head = cast("dict[str, object]", metadata.get("project") or _poetry(metadata))
    name = str(head.get("name") or project.name)
    packages = find_packages(project, canonicalize_name(name).replace("-", "_"), metadata)
    if not packages:
        raise CouldNotRun("the project has no import package: there is nothing to check")
    shipped = frozenset(_files(project, packages))
    lock = RUNTIME_LOCK if (project / RUNTIME_LOCK).is_file() else None
    return Manifest(
        name=name,
        version=str(head.get("version") or "dynamic"),
        packages=tuple(sorted({one.name for one in packages})),
        package_roots=tuple(sorted({one.root for one in packages})),
        shipped=shipped,
        python=frozenset(path for path in shipped if path.endswith((".py", ".pyi"))),
        rust=frozenset(rust_files(project)),
        lock=lock,
        locked=read_lock(project / lock) if lock else {},
    )


def _poetry(metadata: Mapping[str, object]) -> object:
    """Return the table in which poetry kept name and version before there was ``[project]``."""
    tool = metadata.get("tool")
    return tool.get("poetry", {}) if isinstance(tool, dict) else {}


def read_pyproject(project: Path) -> dict[str, object]:
    """Return the parsed pyproject.toml.

    Raises:
        CouldNotRun: it is missing or malformed.
    """
    try:
        return tomllib.loads((project / "pyproject.toml").read_text("utf-8"))
    except FileNotFoundError as error:
        raise CouldNotRun("the project has no pyproject.toml") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CouldNotRun(f"pyproject.toml can't be read: {error}") from error


def _files(project: Path, packages: Iterable[Package]) -> Iterable[str]:
    for package in packages:
        path = project / package.path
        for file in [path] if path.is_file() else path.rglob("*"):
            if file.is_file() and "__pycache__" not in file.parts and file.suffix != ".pyc":
                yield file.relative_to(project).as_posix()
