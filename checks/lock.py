"""Reading a lock file: every pinned distribution, whether its marker holds here or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from checks.model import CouldNotRun

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


RUNTIME_LOCK = "policies/lock/runtime.txt"
_REQUIREMENTS = "requirements.txt"
# Each tool's own command that writes what it locked as requirements with hashes.
_EXPORTS = {
    "uv.lock": "uv export --frozen --no-dev --no-emit-project --output-file",
    "poetry.lock": "poetry export --only main --output",
    "pdm.lock": "pdm export --prod --output",
}
_COMPILE = "pip-compile --generate-hashes --output-file"


def find_lock(project: Path) -> str | None:
    """Return the runtime lock's path: the known place, or requirements whose lines have hashes.

    Requirements without any hash are no lock; with some, they are judged as one.
    """
    if (project / RUNTIME_LOCK).is_file():
        return RUNTIME_LOCK
    path = project / _REQUIREMENTS
    return _REQUIREMENTS if path.is_file() and b"--hash=" in path.read_bytes() else None


def why_no_lock(project: Path) -> str:
    """Say to somebody without a runtime lock how theirs is made."""
    for file, command in _EXPORTS.items():
        if (project / file).is_file():
            return f"no runtime lock; {file} is one, of another kind: {command} {RUNTIME_LOCK}"
    return f"no runtime lock; one is made by: {_COMPILE} {RUNTIME_LOCK}"


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
