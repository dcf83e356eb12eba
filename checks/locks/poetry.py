"""poetry.lock: the group `main`, with every extra."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from checks.locks.pins import make_pin, read_marker
from checks.model import CouldNotRun
from checks.policyfile import convert

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from checks.locks.pins import Pin

# Older ones don't say which group a package is for.
_VERSION = "2.1"
_GROUP = "main"
_INDEXES = frozenset({"legacy", "pypi"})


class _File(msgspec.Struct, frozen=True):
    hash: str


class _Source(msgspec.Struct, frozen=True):
    type: str


class _Package(msgspec.Struct, frozen=True):
    name: str
    version: str
    groups: tuple[str, ...]
    files: tuple[_File, ...]
    markers: str | dict[str, str] = ""
    source: _Source | None = None

    def marker(self) -> str:
        return self.markers if isinstance(self.markers, str) else self.markers.get(_GROUP, "")


class _Lock(msgspec.Struct, frozen=True):
    package: tuple[_Package, ...] = ()
    extras: dict[str, tuple[str, ...]] = {}


def read_poetry(document: Mapping[str, object]) -> list[Pin]:
    """Return what it locks for the project and all its extras.

    Raises:
        CouldNotRun: another version, or something that pip can't install by its hash.
    """
    metadata = document.get("metadata")
    version = metadata.get("lock-version") if isinstance(metadata, dict) else None
    if version != _VERSION:
        raise CouldNotRun(f"lock-version {version} is unknown, known is {_VERSION}")
    lock = convert("its form", document, _Lock)
    return [_pin(one, lock.extras) for one in lock.package if _GROUP in one.groups]


def _pin(package: _Package, extras: Iterable[str]) -> Pin:
    if package.source is not None and package.source.type not in _INDEXES:
        raise CouldNotRun(f"{package.name} comes from no index, but from {package.source.type}")
    here = _holds(package.marker(), extras)
    return make_pin(package.name, package.version, (f.hash for f in package.files), here=here)


def _holds(marker: str, extras: Iterable[str]) -> bool:
    """Tell whether a marker holds on this machine when every extra is wanted."""
    if not marker:
        return True
    parsed = read_marker(marker)
    return any(parsed.evaluate({"extra": extra}) for extra in ("", *extras))
