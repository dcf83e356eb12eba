"""What pip left in an environment: files by owner, and whether they are what RECORD says."""

from __future__ import annotations

import base64
import functools
import hashlib
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from checks.model import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

INSTALL = "cleanroom.install"
OWNERSHIP = "cleanroom.ownership"
OVERWRITE = "cleanroom.overwrite"

# What a new virtual environment brings along.
_SEEDED = frozenset({"pip", "setuptools"})
# Files of venv and pip themselves, which no RECORD lists.
_UNLISTED = frozenset({"distutils-precedence.pth"})


@dataclass(frozen=True, slots=True)
class Site:
    """A site-packages folder: `owners` maps each resolved file to the distributions that list it.

    `hashes` maps a file to every SHA-256 that a RECORD gives for it, with the distribution.
    """

    folder: Path
    versions: Mapping[str, str]
    requires: Mapping[str, tuple[str, ...]]
    owners: Mapping[Path, tuple[str, ...]]
    hashes: Mapping[Path, tuple[tuple[str, str], ...]] = field(default_factory=dict)


def read_site(folder: Path) -> Site:
    """Read every distribution's RECORD below a site-packages folder."""
    versions: dict[str, str] = {}
    requires: dict[str, tuple[str, ...]] = {}
    owners: dict[Path, tuple[str, ...]] = {}
    hashes: dict[Path, tuple[tuple[str, str], ...]] = {}
    for one in metadata.distributions(path=[str(folder)]):
        name = canonicalize_name(one.metadata["Name"])
        versions[name], requires[name] = one.version, tuple(one.requires or ())
        for file in one.files or ():
            path = Path(str(file.locate())).resolve()
            owners[path] = (*owners.get(path, ()), name)
            if file.hash is not None:
                hashes[path] = (*hashes.get(path, ()), (name, file.hash.value))
    return Site(folder.resolve(), versions, requires, owners, hashes)


def judge_site(
    site: Site, project: str, packages: tuple[str, ...], locked: Mapping[str, str]
) -> Iterator[Finding]:
    """Return all that is wrong with what is installed; `locked` are those that apply here."""
    yield from _installed(site, canonicalize_name(project), locked)
    yield from _required(site, canonicalize_name(project))
    yield from _untouched(site)
    yield from _unowned(site)
    yield from _kept_to_itself(site, canonicalize_name(project), packages)


def modules_of(site: Site, project: str) -> tuple[str, ...]:
    """Return the modules of a distribution, by the files that its RECORD lists."""
    found = set()
    for path, owners in site.owners.items():
        if canonicalize_name(project) in owners and path.is_relative_to(site.folder):
            inside = path.relative_to(site.folder)
            if path.suffix in {".py", ".so", ".pyd"} and ".dist-info" not in inside.parts[0]:
                parts = [*inside.parts[:-1], inside.name.split(".")[0]]
                found.add(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return tuple(sorted(found))


def judge_loaded(
    site: Site, project: str, module: str, loaded: Mapping[str, str], owned: Callable[[str], bool]
) -> Iterator[Finding]:
    """Return what was loaded from a place that no distribution, nor the stdlib, answers for."""
    owner = canonicalize_name(project)
    if module not in loaded:
        yield _finding(OWNERSHIP, f"{module} came from no file", module)
    elif owner not in site.owners.get(Path(loaded[module]), ()):
        yield _finding(OWNERSHIP, f"{module} is not a file of {project}", module)
    for name, file in sorted(loaded.items()):
        if not owned(file):
            yield _finding(OWNERSHIP, f"{module} loads {name} from a file nobody owns", name)


def ownership(site: Site, stdlib: Sequence[str]) -> Callable[[str], bool]:
    """Return what tells whether somebody answers for a file; each is looked at once."""

    @functools.cache
    def owned(file: str) -> bool:
        path = Path(file)
        if path.is_relative_to(site.folder):
            return bool(site.owners.get(path))
        return any(path.is_relative_to(folder) for folder in stdlib)

    return owned


def _installed(site: Site, project: str, locked: Mapping[str, str]) -> Iterator[Finding]:
    if project not in site.versions:
        yield _finding(INSTALL, f"{project} is not installed", project)
    for name, version in sorted(locked.items()):
        if site.versions.get(name) != version:
            there = site.versions.get(name, "nothing")
            yield _finding(INSTALL, f"locked {name} {version}, installed {there}", name)
    for name in sorted(set(site.versions) - set(locked) - _SEEDED - {project}):
        yield _finding(INSTALL, f"{name} is installed but not locked", name)


def _required(site: Site, project: str) -> Iterator[Finding]:
    """Follow the requirements from the project on, with the extras that are asked for."""
    todo: list[tuple[str, str]] = [(project, "")]
    seen = set(todo)
    while todo:
        name, extra = todo.pop()
        for text in site.requires.get(name, ()):
            need = Requirement(text)
            if need.marker is not None and not need.marker.evaluate({"extra": extra}):
                continue
            wanted = canonicalize_name(need.name)
            version = site.versions.get(wanted)
            if version is None or not need.specifier.contains(version, prereleases=True):
                yield _finding(INSTALL, f"{name} requires {need}, installed {version}", wanted)
            for next_extra in ("", *sorted(need.extras)):
                if (wanted, next_extra) not in seen:
                    seen.add((wanted, next_extra))
                    todo.append((wanted, next_extra))


def _untouched(site: Site) -> Iterator[Finding]:
    """No file has two owners, and each is what its owner's RECORD says."""
    for path, owners in sorted(site.owners.items()):
        shown = _shown(site, path)
        if len(set(owners)) > 1:
            yield _finding(OVERWRITE, f"{shown} belongs to {' and '.join(sorted(owners))}", shown)
    for path, listed in sorted(site.hashes.items()):
        shown = _shown(site, path)
        if not path.is_file():
            yield _finding(OVERWRITE, f"{shown} of {listed[0][0]} is missing", shown)
            continue
        digest = hashlib.sha256(path.read_bytes()).digest()
        true = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        for owner, value in listed:
            if value != true:
                yield _finding(OVERWRITE, f"{shown} is not what {owner} installed", shown)


def _unowned(site: Site) -> Iterator[Finding]:
    for path in sorted(site.folder.rglob("*")):
        plain = path.is_file() and path.name not in _UNLISTED and path.suffix != ".pyc"
        if plain and path.resolve() not in site.owners:
            shown = _shown(site, path)
            yield _finding(OWNERSHIP, f"{shown} belongs to no distribution", shown)


def _kept_to_itself(site: Site, project: str, packages: tuple[str, ...]) -> Iterator[Finding]:
    for module in modules_of(site, project):
        if module.split(".")[0] not in packages:
            yield _finding(OWNERSHIP, f"{project} installs {module}, which is not its own", module)


def _shown(site: Site, path: Path) -> str:
    if path.is_relative_to(site.folder):
        return path.relative_to(site.folder).as_posix()
    return path.name  # a script, beside the interpreter


def _finding(rule: str, message: str, context: str) -> Finding:
    return Finding(rule, message, snippet=context, context=context)
