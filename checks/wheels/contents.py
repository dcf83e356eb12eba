"""What must hold of a wheel's members: straight functions from a wheel to findings."""

from __future__ import annotations

import base64
import fnmatch
import hashlib
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from checks.model import Finding, Location

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from checks.manifest import Manifest
    from checks.wheels.archive import Wheel

_TEST_FOLDERS = frozenset({"test", "tests"})
_TEST_FILES = ("test_*.py", "*_test.py", "conftest.py")
_PEOPLE = ("Author", "Author-email", "Maintainer", "Maintainer-email")
_REQUIRED = (
    "Metadata-Version",
    "Name",
    "Version",
    "Summary",
    "Requires-Python",
    "Description-Content-Type",
)


@dataclass(frozen=True, slots=True)
class Expected:
    """What the wheel should be: `shipped` maps each package member to its source file."""

    name: str
    version: str
    packages: tuple[str, ...]
    shipped: Mapping[str, str] = field(default_factory=dict)

    def place(self, member: str) -> Location:
        """Return where to look: the source file that the member comes from, where there is one."""
        return Location(self.shipped.get(member, "pyproject.toml"))


def expected_of(manifest: Manifest) -> Expected:
    """Return what the manifest promises of the wheel.

    A package that bears the distribution's name is the only one of it: what the build configuration
    lists beside it may be a stub. Without one, all packages are taken to be meant.
    """
    own = canonicalize_name(manifest.name).replace("-", "_")
    return Expected(
        manifest.name,
        manifest.version,
        (own,) if own in manifest.packages else manifest.packages,
        {_member_of(path, manifest.package_roots): path for path in sorted(manifest.shipped)},
    )


def _member_of(path: str, roots: tuple[PurePosixPath, ...]) -> str:
    """Strip the longest root that holds the file."""
    holding = [root for root in roots if PurePosixPath(path).is_relative_to(root)]
    root = max(holding, key=lambda one: len(one.parts))
    return PurePosixPath(path).relative_to(root).as_posix()


def foreign_members(wheel: Wheel, expected: Expected) -> Iterator[Finding]:
    """Only the packages and the dist-info, and of the packages exactly what the manifest lists."""
    rule = "wheel.foreign-member"
    inside = {name for name in wheel.members if name.split("/")[0] != wheel.dist_info}
    for name in sorted(inside):
        top = name.split("/")[0].removesuffix(".py")
        if top not in expected.packages or ".." in PurePosixPath(name).parts or "\\" in name:
            yield _finding(rule, expected, name, f"the wheel holds {name}, which is not ours")
        elif name not in expected.shipped:
            yield _finding(rule, expected, name, f"{name} is in the wheel but not in the manifest")
    for name in sorted(set(expected.shipped) - inside):
        yield _finding(rule, expected, name, f"{name} is shipped source but not in the wheel")


def test_files(wheel: Wheel, expected: Expected) -> Iterator[Finding]:
    """No member is a test."""
    for name in sorted(wheel.members):
        path = PurePosixPath(name)
        named = any(fnmatch.fnmatch(path.name.lower(), pattern) for pattern in _TEST_FILES)
        if named or _TEST_FOLDERS & {part.lower() for part in path.parts[:-1]}:
            yield _finding("wheel.test-file", expected, name, f"{name} is a test in the wheel")


def record(wheel: Wheel, expected: Expected) -> Iterator[Finding]:
    """RECORD names every member once, with its true SHA-256 and size, and nothing else."""
    rule, own = "wheel.record", f"{wheel.dist_info}/RECORD"
    for name in wheel.doubled:
        yield _finding(rule, expected, name, f"the archive holds {name} twice")
    for name in wheel.record_doubled:
        yield _finding(rule, expected, name, f"RECORD lists {name} twice")
    for name in sorted(set(wheel.record) - set(wheel.members)):
        yield _finding(rule, expected, name, f"RECORD lists {name}, which is not in the wheel")
    for name, content in sorted(wheel.members.items()):
        if name not in wheel.record:
            yield _finding(rule, expected, name, f"RECORD does not list {name}")
        elif name != own and wheel.record[name] != record_entry(content):
            yield _finding(rule, expected, name, f"RECORD is not true for {name}")


def record_entry(content: bytes) -> tuple[str, str]:
    """Return hash and size as RECORD writes them."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"sha256={digest}", str(len(content))


def metadata(wheel: Wheel, expected: Expected) -> Iterator[Finding]:
    """METADATA is complete and says the same as the project."""
    head = wheel.metadata
    wrong = [f"{name} is missing" for name in _REQUIRED if not _said(head.get(name))]
    if not _said(head.get("License-Expression")) and not _said(head.get("License")):
        wrong.append("License-Expression is missing")
    if not any(_said(head.get(name)) for name in _PEOPLE):
        wrong.append("Author and Maintainer are missing")
    if not wheel.description:
        wrong.append("the description is empty")
    if canonicalize_name(head.get("Name", "")) != canonicalize_name(expected.name):
        wrong.append(f"Name is not {expected.name}")
    if expected.version not in {head.get("Version"), "dynamic"}:
        wrong.append(f"Version is not {expected.version}")
    wrong += [
        f"License-File {file} is not in the wheel"
        for file in head.get_all("License-File", [])
        if f"{wheel.dist_info}/licenses/{file}" not in wheel.members
    ]
    for what in wrong:
        yield Finding(
            "wheel.metadata", f"METADATA: {what}", Location("pyproject.toml"), snippet=what
        )


def py_typed(wheel: Wheel, expected: Expected) -> Iterator[Finding]:
    """Every package tells type checkers that it is typed."""
    for package in expected.packages:
        marker = f"{package}/py.typed"
        if f"{package}.py" not in wheel.members and marker not in wheel.members:
            yield _finding("wheel.py-typed", expected, marker, f"the wheel has no {marker}")


def _said(value: object) -> bool:
    # A header that is not ASCII comes as an object of its own.
    return value is not None and str(value).strip() not in {"", "UNKNOWN"}


def _finding(rule: str, expected: Expected, member: str, message: str) -> Finding:
    return Finding(rule, message, expected.place(member), snippet=member, context=member)
