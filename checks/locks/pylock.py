"""pylock.toml (PEP 751): every package but those that only another group brings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.pylock import Pylock, PylockUnsupportedVersionError, PylockValidationError

from checks.locks.pins import make_pin, require_python
from checks.model import CouldNotRun

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from packaging.pylock import Package

    from checks.locks.pins import Pin

# packaging only warns of a later one of the same kind, which may say more than it reads.
_VERSION = "1.0"


def read_pylock(document: Mapping[str, object]) -> list[Pin]:
    """Return what it locks for the default groups and all extras.

    Raises:
        CouldNotRun: another version, or something that pip can't install by its hash.
    """
    if (version := document.get("lock-version")) != _VERSION:
        raise CouldNotRun(f"lock-version {version} is unknown, known is {_VERSION}")
    try:
        lock = Pylock.from_dict(document)
    except (PylockUnsupportedVersionError, PylockValidationError) as error:
        raise CouldNotRun(str(error)) from error
    require_python(str(lock.requires_python or ""))
    usual, every = lock.default_groups or (), lock.dependency_groups or ()
    extras = lock.extras or ()
    pins = []
    for package in lock.packages:
        here = _holds(package, extras, usual)
        if here or not _holds(package, extras, every):  # else a group alone brings it
            pins.append(_pin(package, here=here))
    return pins


def _holds(package: Package, extras: Iterable[str], groups: Iterable[str]) -> bool:
    """Tell whether a package is wanted on this machine, with these extras and groups."""
    if package.marker is None:
        return True
    wanted = {"extras": frozenset(extras), "dependency_groups": frozenset(groups)}
    return package.marker.evaluate(wanted, context="lock_file")


def _pin(package: Package, *, here: bool) -> Pin:
    if not package.wheels and package.sdist is None:
        raise CouldNotRun(f"{package.name} comes from no index")
    version = None if package.version is None else str(package.version)
    return make_pin(package.name, version, _hashes(package), here=here)


def _hashes(package: Package) -> Iterator[str]:
    tables = [wheel.hashes for wheel in package.wheels or ()]
    if package.sdist is not None:
        tables.append(package.sdist.hashes)
    for table in tables:
        yield from (f"{kind}:{value}" for kind, value in table.items())
