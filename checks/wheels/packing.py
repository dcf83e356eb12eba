"""Small wheels packed from a description: the wheel and clean-room gates' specimens.

A description starts from a wheel in which all is well, and says what is different:
``name`` and ``version`` of the distribution; ``members`` to add (text by path); ``remove``, paths
to leave out; ``metadata``, header lines to replace (an empty text leaves one out), and ``body``;
``record``, RECORD entries to write instead of the true ones (``hash,size``; an empty text leaves
the line out).
"""

from __future__ import annotations

import tomllib
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from checks.model import CouldNotRun
from checks.wheels.contents import record_entry

if TYPE_CHECKING:
    from pathlib import Path

_STAMP = (2020, 1, 1, 0, 0, 0)
_KEYS = frozenset(["name", "version", "members", "remove", "metadata", "body", "record", "why"])


@dataclass(frozen=True, slots=True)
class Description:
    """See the module's docstring."""

    name: str = "example"
    version: str = "1.0"
    members: dict[str, str] = field(default_factory=dict)
    remove: tuple[str, ...] = ()
    metadata: dict[str, str] = field(default_factory=dict)
    body: str = "What the example is for.\n"
    record: dict[str, str] = field(default_factory=dict)

    @property
    def dist_info(self) -> str:
        """The dist-info folder's name."""
        return f"{self.name}-{self.version}.dist-info"


def read_description(path: Path) -> dict[str, Any]:  # Any: TOML, judged by `describe`
    """Read a specimen's TOML file."""
    return tomllib.loads(path.read_text("utf-8"))


def describe(table: dict[str, Any]) -> Description:
    """Turn a TOML table into a description.

    Raises:
        CouldNotRun: it has a key that means nothing: the specimen would not be what it claims.
    """
    if unknown := set(table) - _KEYS:
        raise CouldNotRun(f"a wheel's description has unknown keys: {', '.join(sorted(unknown))}")
    values = {key: value for key, value in table.items() if key != "why"}
    values["remove"] = tuple(values.get("remove", ()))
    return Description(**values)


def pack(one: Description, folder: Path) -> Path:
    """Write the wheel into `folder` and return its path; the same description, the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{one.name}-{one.version}-py3-none-any.whl"
    members = {name: text.encode() for name, text in _members(one).items()}
    members[f"{one.dist_info}/RECORD"] = _record(one, members).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, _STAMP), content)
    return path


def base_members(name: str) -> tuple[str, ...]:
    """Return the package's files in a description that changes nothing."""
    return (f"{name}/__init__.py", f"{name}/part.py", f"{name}/py.typed")


def _members(one: Description) -> dict[str, str]:
    init, part, typed = base_members(one.name)
    members = {
        init: f'"""The package {one.name}."""\n',
        part: "VALUE = 1\n",
        typed: "\n",
        f"{one.dist_info}/METADATA": _metadata(one),
        f"{one.dist_info}/WHEEL": "Wheel-Version: 1.0\nGenerator: specimen 1\n"
        "Root-Is-Purelib: true\nTag: py3-none-any\n",
        f"{one.dist_info}/licenses/LICENSE": "Use it as you like.\n",
    } | one.members
    return {name: text for name, text in members.items() if name not in one.remove}


def _metadata(one: Description) -> str:
    head = {
        "Metadata-Version": "2.4",
        "Name": one.name,
        "Version": one.version,
        "Summary": "An example.",
        "Author": "Somebody",
        "License-Expression": "MIT",
        "License-File": "LICENSE",
        "Requires-Python": ">=3.11",
        "Description-Content-Type": "text/markdown",
    } | one.metadata
    lines = [f"{name}: {value}\n" for name, value in head.items() if value]
    return "".join(lines) + "\n" + one.body


def _record(one: Description, members: dict[str, bytes]) -> str:
    own = f"{one.dist_info}/RECORD"
    entries = {name: ",".join(record_entry(content)) for name, content in members.items()}
    entries = entries | {own: ","} | one.record
    return "".join(f"{name},{entry}\n" for name, entry in entries.items() if entry)
