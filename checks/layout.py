"""Where a project keeps its import packages and crates: src layout, flat layout, declared."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# In a flat layout these folders hold no shipped package (setuptools' own list, and ours).
_NEVER_SHIPPED = frozenset(
    [
        "bench",
        "benchmark",
        "benchmarks",
        "bin",
        "build",
        "checks",
        "ci",
        "dist",
        "doc",
        "docs",
        "documentation",
        "example",
        "examples",
        "notebooks",
        "node_modules",
        "policies",
        "requirements",
        "script",
        "scripts",
        "target",
        "test",
        "tests",
        "tool",
        "tools",
        "utils",
        "venv",
    ]
)
_RENAMED = (
    "src is itself a package, which the build gives another name: what is said of names in the"
    " tree and in the wheel does not see that"
)
_CRATE_SIDE_FOLDERS = frozenset({"tests", "benches", "examples"})


@dataclass(frozen=True, slots=True)
class Package:
    """A top-level import package or module; `root` is the folder that an import path names."""

    name: str
    root: PurePosixPath
    path: PurePosixPath


@dataclass(frozen=True, slots=True)
class Found:
    """The packages of a project; `doubt` says what had to be guessed, or is empty."""

    packages: tuple[Package, ...]
    doubt: str = ""


def find_packages(project: Path, name: str, settings: Mapping[str, object]) -> Found:
    """Return the packages the project means to ship; `name` is its distribution's.

    What the build configuration names counts first; else all that is importable below ``src``;
    else, in a flat layout, the package of the project's own name, the namespace that the name
    begins with or, failing that, all.
    """
    if declared := [one for one in _declared(project, settings) if (project / one.path).exists()]:
        return Found(tuple(declared))
    if inside := tuple(importable(project, PurePosixPath("src"))):
        return Found(inside, _RENAMED if (project / "src/__init__.py").is_file() else "")
    here = list(importable(project, PurePosixPath()))
    flat = [one for one in here if may_ship(project, one)]
    own = _canonical(name)
    named = [one for one in flat if one.name.lower() == own]
    if sure := named or [one for one in here if is_namespace(project, one, name)]:
        return Found(tuple(sure))
    every = tuple(one for one in flat if (project / one.path).is_dir())
    names = ", ".join(one.name for one in every)
    return Found(every, f"no setting and no name says what is shipped: taken were {names}")


def is_namespace(project: Path, package: Package, name: str) -> bool:
    """Tell whether a folder is the namespace of a distribution: ``jaraco`` of jaraco.functools.

    It has no ``__init__``, so that several distributions can share it, and holds what the rest of
    the distribution's name says.
    """
    first, _, rest = _canonical(name).partition("_")
    folder = project / package.path
    if package.name.lower() != first or not rest or not folder.is_dir():
        return False
    inner = rest.partition("_")[0]
    members = {one.name.partition(".")[0].lower() for one in folder.iterdir()}
    return "__init__" not in members and bool({inner, rest} & members)


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "_", name).lower()


def importable(project: Path, root: PurePosixPath) -> Iterator[Package]:
    """Yield everything that `import` finds directly below a root, namespace packages included."""
    folder = project / root
    if not folder.is_dir():
        return
    for entry in sorted(folder.iterdir()):
        name = entry.name.split(".")[0]
        if not name.isidentifier() or name == "__pycache__":
            continue
        if (entry.is_dir() and "." not in entry.name and _holds_code(entry)) or (
            entry.is_file() and entry.suffix in {".py", ".pyi", ".so", ".pyd"}
        ):
            yield Package(name, root, root / entry.name)


def rust_files(project: Path) -> Iterator[str]:
    """Yield the .rs files of all own crates, without their tests, benches and examples."""
    seen: set[Path] = set()
    for manifest in _walk(project, "Cargo.toml"):
        if _is_vendored(manifest.parent):
            continue
        for file in _walk(manifest.parent, "*.rs"):
            inside = file.relative_to(manifest.parent).parts
            if any(_is_vendored(one) for one in file.parents if one.is_relative_to(project)):
                continue
            if file not in seen and inside[0] not in _CRATE_SIDE_FOLDERS and not _aside(inside):
                seen.add(file)
                yield file.relative_to(project).as_posix()


def vendored_crates(project: Path) -> list[str]:
    """Return the crates that ``cargo vendor`` copied here from others: none is looked into."""
    crates = (file.parent for file in _walk(project, "Cargo.toml"))
    return [one.relative_to(project).as_posix() for one in crates if _is_vendored(one)]


def _is_vendored(crate: Path) -> bool:
    return (crate / ".cargo-checksum.json").is_file()


def _aside(parts: tuple[str, ...]) -> bool:
    """Tell whether a file of a workspace's member lies in that member's tests or the like.

    The folder counts only beside a ``src``-like place: `a/src/tests/x.rs` is shipped code.
    """
    head = parts[: parts.index("src")] if "src" in parts else parts
    return any(part in _CRATE_SIDE_FOLDERS for part in head[:-1])


def _walk(folder: Path, pattern: str) -> Iterator[Path]:
    for file in sorted(folder.rglob(pattern)):
        parts = file.relative_to(folder).parts
        hidden = any(part.startswith(".") or part in {"target", "node_modules"} for part in parts)
        if file.is_file() and not hidden and parts[:2] != ("policies", "specimens"):
            yield file


def _declared(project: Path, pyproject: Mapping[str, object]) -> Iterator[Package]:
    """Yield what the settings of a build back end name as packages, or as the folder of them."""
    for path in _named(pyproject):
        if not path.is_absolute() and ".." not in path.parts and (project / path).exists():
            yield Package(path.stem, path.parent, path)
    for root in _roots(pyproject):
        if root.parts and not root.is_absolute() and ".." not in root.parts:
            yield from importable(project, root)


def _named(pyproject: Mapping[str, object]) -> Iterator[PurePosixPath]:
    """Yield packages that hatchling, setuptools, poetry or flit are told one by one."""
    for entry in _list(_at(pyproject, "tool.hatch.build.targets.wheel.packages")):
        yield PurePosixPath(str(entry))
    where = _at(pyproject, "tool.setuptools.package-dir")
    root = PurePosixPath(str(where.get("", "")) if isinstance(where, dict) else "")
    for entry in _list(_at(pyproject, "tool.setuptools.packages")):
        if "." not in str(entry):  # the others lie inside
            yield root / str(entry)
    for entry in _list(_at(pyproject, "tool.setuptools.py-modules")):
        yield root / f"{entry}.py"
    for entry in _list(_at(pyproject, "tool.poetry.packages")):
        if isinstance(entry, dict) and "include" in entry:
            yield PurePosixPath(str(entry.get("from", ""))) / str(entry["include"])
    name = _at(pyproject, "tool.flit.module.name")
    if name is None and str(_at(pyproject, "build-system.build-backend")).startswith("flit_core"):
        name = _at(pyproject, "project.name")  # flit ships the one module of that name
    if isinstance(name, str):
        for folder in ("src", ""):
            yield PurePosixPath(folder, name)
            yield PurePosixPath(folder, f"{name}.py")


def _roots(pyproject: Mapping[str, object]) -> Iterator[PurePosixPath]:
    """Yield folders of packages that setuptools, pdm or maturin are told."""
    where = _at(pyproject, "tool.setuptools.package-dir")
    several = _list(_at(pyproject, "tool.setuptools.packages.find.where"))
    single = [
        where.get("") if isinstance(where, dict) else None,
        _at(pyproject, "tool.pdm.build.package-dir"),
        _at(pyproject, "tool.maturin.python-source"),
    ]
    for entry in (*several, *single):
        if isinstance(entry, str):
            yield PurePosixPath(entry)


def _at(node: object, keys: str) -> object:
    """Return what lies at a path of keys, or None."""
    for key in keys.split("."):
        node = node.get(key) if isinstance(node, dict) else None
    return node


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def may_ship(project: Path, package: Package) -> bool:
    """Tell whether something at the root of a flat layout looks like a package to ship."""
    if package.name in _NEVER_SHIPPED or package.name in {"setup", "conftest", "noxfile"}:
        return False
    if package.name.startswith("test_"):
        return False
    path = project / package.path
    return path.is_file() or any(
        (path / name).is_file() for name in ("__init__.py", "__init__.pyi")
    )


def _holds_code(folder: Path) -> bool:
    if (folder / "pyvenv.cfg").exists():
        return False
    return any(file.suffix in {".py", ".pyi", ".so", ".pyd"} for file in folder.rglob("*"))
