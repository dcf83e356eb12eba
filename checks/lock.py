"""The runtime lock: every pinned distribution, whether its marker holds here or not.

The gates and pip know one form, requirements with hashes; other tools' locks are put into it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from checks.locks.poetry import read_poetry
from checks.locks.pylock import read_pylock
from checks.locks.uv import read_uv
from checks.model import CouldNotRun
from checks.policyfile import read_toml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

RUNTIME_LOCK = "policies/lock/runtime.txt"
_REQUIREMENTS = "requirements.txt"
OF_TOOLS = {"pylock.toml": read_pylock, "uv.lock": read_uv, "poetry.lock": read_poetry}
# Each tool's own command that writes what it locked as requirements with hashes.
_EXPORTS = {
    "uv.lock": "uv export --frozen --no-dev --no-emit-project --output-file",
    "poetry.lock": "poetry export --only main --output",
    "pdm.lock": "pdm export --prod --output",
}
_COMPILE = "pip-compile --generate-hashes --output-file"


@dataclass(frozen=True, slots=True)
class Lock:
    """A runtime lock: its `file`, and the same as the text of `requirements` with hashes.

    `locked` maps each distribution (canonical name) to its version, the one for this machine where
    there are several; `others` are (name, version) of those that only other machines get.
    """

    file: str
    requirements: str
    locked: dict[str, str]
    others: frozenset[tuple[str, str]]


def find_lock(project: Path) -> str | None:
    """Return the runtime lock's path: the known place, another tool's, or requirements with hashes.

    Requirements without any hash are no lock; with some, they are judged as one.
    """
    for name in (RUNTIME_LOCK, *OF_TOOLS):
        if (project / name).is_file():
            return name
    path = project / _REQUIREMENTS
    return _REQUIREMENTS if path.is_file() and b"--hash=" in path.read_bytes() else None


def why_no_lock(project: Path) -> str:
    """Say to somebody without a runtime lock how theirs is made."""
    for file, command in _EXPORTS.items():
        if (project / file).is_file():
            return f"no runtime lock; {file} is one, of another kind: {command} {RUNTIME_LOCK}"
    return f"no runtime lock; one is made by: {_COMPILE} {RUNTIME_LOCK}"


def load_lock(project: Path, file: str) -> Lock:
    """Return the project's runtime lock, of whichever kind it is.

    Raises:
        CouldNotRun: it is not understood, or does not pin everything with a hash.
    """
    text = _converted(project / file) if file in OF_TOOLS else (project / file).read_text("utf-8")
    lines = list(_pins(text, file))
    locked = _chosen(lines, file)
    others = {(name, version) for name, version, _ in lines if locked[name] != version}
    return Lock(file, text, locked, frozenset(others))


def require_declared(lock: Lock, head: Mapping[str, object]) -> None:
    """Refuse a lock that does not know what the project's metadata `head` declares.

    Raises:
        CouldNotRun: it is older than the declaration, or that is malformed.
    """
    if missing := sorted(set(_declared(head)) - set(lock.locked)):
        raise CouldNotRun(f"{lock.file} does not know {', '.join(missing)}, which is declared")


def read_lock(path: Path, *, here: bool = False) -> dict[str, str]:
    """Map each distribution (canonical name) of a requirements file to its pinned version.

    With `here`, only those whose marker holds on this machine.

    Raises:
        CouldNotRun: a line is no ``name==version``, carries no hash, or contradicts another.
    """
    lines = _pins(path.read_text("utf-8"), path.name)
    return _chosen([one for one in lines if one[2] or not here], path.name)


def _declared(head: Mapping[str, object]) -> Iterator[str]:
    """Yield what is declared for this machine, in the standard's way or in poetry's plainest."""
    told = head.get("dependencies")
    if isinstance(told, dict):
        told = [name for name, range_ in told.items() if isinstance(range_, str)]
    for text in told if isinstance(told, list) else ():
        try:
            one = Requirement(str(text))
        except InvalidRequirement as error:
            raise CouldNotRun(f"{text!r} is declared, and is no requirement") from error
        name = canonicalize_name(one.name)
        itself = name in {"python", canonicalize_name(str(head.get("name")))}
        if not itself and (one.marker is None or one.marker.evaluate({"extra": ""})):
            yield name


def _converted(path: Path) -> str:
    """Return another tool's lock as requirements with hashes."""
    document = read_toml(path)
    try:
        pins = OF_TOOLS[path.name](document)
    except CouldNotRun as error:
        advice = f"; {_EXPORTS[path.name]} {RUNTIME_LOCK}" if path.name in _EXPORTS else ""
        raise CouldNotRun(f"{path.name} can't be taken for the lock: {error}{advice}") from error
    return "".join(pin.line() for pin in sorted(pins, key=lambda one: (one.name, one.version)))


def _chosen(lines: list[tuple[str, str, bool]], file: str) -> dict[str, str]:
    """Map names to versions; of several only one may be for this machine, and that one counts."""
    locked: dict[str, str] = {}
    for name, version, wanted in sorted(lines, key=lambda one: not one[2]):
        if locked.setdefault(name, version) != version and wanted:
            raise CouldNotRun(f"{file} locks {name} twice: {locked[name]} and {version}")
    return locked


def _pins(text: str, file: str) -> Iterator[tuple[str, str, bool]]:
    for line in text.replace("\\\r\n", " ").replace("\\\n", " ").splitlines():
        bare = line.split(" #")[0].strip()
        if bare and not bare.startswith("#"):
            yield _pin(bare, file)


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
