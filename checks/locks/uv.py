"""uv.lock: everything that can be reached from the project, without its development groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from packaging.utils import canonicalize_name

from checks.locks.pins import make_pin, read_marker, require_python
from checks.model import CouldNotRun
from checks.policyfile import convert

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from checks.locks.pins import Pin

# uv raises the version for what an older reader would get wrong, and else the revision.
_VERSION = 1


class _File(msgspec.Struct, frozen=True):
    hash: str = ""


class _Edge(msgspec.Struct, frozen=True):
    name: str
    version: str | None = None
    extra: tuple[str, ...] = ()
    marker: str = ""

    def here(self) -> bool:
        return not self.marker or read_marker(self.marker).evaluate()


class _Package(msgspec.Struct, frozen=True, rename="kebab"):
    name: str
    source: dict[str, str]
    version: str | None = None
    dependencies: tuple[_Edge, ...] = ()
    optional_dependencies: dict[str, tuple[_Edge, ...]] = {}
    sdist: _File | None = None
    wheels: tuple[_File, ...] = ()

    def is_project(self) -> bool:
        return any(self.source.get(kind) == "." for kind in ("editable", "virtual", "directory"))

    def edges(self, extra: str) -> tuple[_Edge, ...]:
        return self.optional_dependencies.get(extra, ()) if extra else self.dependencies


class _Lock(msgspec.Struct, frozen=True, rename="kebab"):
    package: tuple[_Package, ...] = ()
    conflicts: tuple[object, ...] = ()
    requires_python: str = ""


def read_uv(document: Mapping[str, object]) -> list[Pin]:
    """Return what it locks for the project and all its extras.

    Raises:
        CouldNotRun: another version, or something that pip can't install by its hash.
    """
    if document.get("version") != _VERSION:
        raise CouldNotRun(f"version {document.get('version')} is unknown, known is {_VERSION}")
    lock = convert("its form", document, _Lock)
    require_python(lock.requires_python)
    if lock.conflicts:
        raise CouldNotRun("it has extras that can't be installed together")
    roots = [one for one in lock.package if one.is_project()]
    if len(roots) != 1:
        raise CouldNotRun(f"{len(roots)} projects lie at its root")
    here = set(_reached(lock, roots[0], everywhere=False))
    every = dict.fromkeys(_reached(lock, roots[0], everywhere=True))
    return [_pin(lock.package[at], here=at in here) for at in every if lock.package[at] != roots[0]]


def _reached(lock: _Lock, root: _Package, *, everywhere: bool) -> Iterator[int]:
    """Yield the place of each package that is reached; `everywhere` goes past all markers."""
    start = lock.package.index(root)
    waiting = [(start, extra) for extra in ("", *root.optional_dependencies)]
    seen = set(waiting)
    while waiting:
        at, extra = waiting.pop()
        yield at
        for edge in lock.package[at].edges(extra):
            if everywhere or edge.here():
                target = _target(lock, edge)
                found = {(target, one) for one in ("", *edge.extra)} - seen
                waiting += sorted(found)
                seen |= found


def _target(lock: _Lock, edge: _Edge) -> int:
    """Return where the package lies that a dependency means; a version is named where it must be.

    Raises:
        CouldNotRun: it is not clear.
    """
    found = [
        at
        for at, one in enumerate(lock.package)
        if one.name == edge.name and edge.version in {None, one.version}
    ]
    if len(found) != 1:
        raise CouldNotRun(f"it has {len(found)} packages {edge.name} {edge.version or ''}".rstrip())
    return found[0]


def _pin(package: _Package, *, here: bool) -> Pin:
    if "registry" not in package.source:
        kind = next(iter(package.source), "nowhere")
        raise CouldNotRun(f"{package.name} comes from no index, but from {kind}")
    files = [*package.wheels, *([package.sdist] if package.sdist else [])]
    hashes = (one.hash for one in files)
    return make_pin(canonicalize_name(package.name), package.version, hashes, here=here)
