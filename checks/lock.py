"""Reading a lock file: every pinned distribution, whether its marker holds here or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from checks.model import CouldNotRun

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def read_lock(path: Path, *, here: bool = False) -> dict[str, str]:
    """Map each distribution (canonical name) to its pinned version.

    With `here`, only those whose marker holds on this machine.

    Raises:
        CouldNotRun: a line is no ``name==version``, carries no hash, or contradicts another.
    """
    locked: dict[str, str] = {}
    for line in _logical_lines(path.read_text("utf-8")):
        name, version, wanted = _pin(line, path.name)
        if here and not wanted:
            continue
        if locked.setdefault(name, version) != version:
            raise CouldNotRun(f"{path.name} locks {name} twice: {locked[name]} and {version}")
    return locked


def _logical_lines(text: str) -> Iterator[str]:
    for line in text.replace("\\\r\n", " ").replace("\\\n", " ").splitlines():
        bare = line.split(" #")[0].strip()
        if bare and not bare.startswith("#"):
            yield bare


def _pin(line: str, file: str) -> tuple[str, str, bool]:
    """Return a line's name and version, and whether its marker holds here."""
    requirement, *hashes = line.split(" --hash=")
    try:
        parsed = Requirement(requirement.strip())
    except InvalidRequirement as error:
        raise CouldNotRun(f"{file}: {line[:60]!r} is no pinned requirement") from error
    pins = list(parsed.specifier)
    if len(pins) != 1 or pins[0].operator != "==" or "*" in pins[0].version:
        raise CouldNotRun(f"{file}: {parsed.name} is not pinned to one version")
    if not hashes:
        raise CouldNotRun(f"{file}: {parsed.name} has no hash")
    wanted = parsed.marker is None or parsed.marker.evaluate()
    return canonicalize_name(parsed.name), pins[0].version, wanted
