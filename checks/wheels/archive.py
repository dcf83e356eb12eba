"""A wheel, read once: its members, its metadata and its RECORD."""

from __future__ import annotations

import csv
import email
import io
import zipfile
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from checks.model import CouldNotRun

if TYPE_CHECKING:
    from collections.abc import Mapping
    from email.message import Message
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Wheel:
    """`members` maps every file to its bytes; `doubled` are names that the archive holds twice.

    `record` maps each listed path to (hash, size) as written; `dist_info` is the folder's name.
    """

    members: Mapping[str, bytes]
    doubled: tuple[str, ...]
    dist_info: str
    record: Mapping[str, tuple[str, str]]
    record_doubled: tuple[str, ...]
    metadata: Message

    @property
    def pure(self) -> bool:
        """Whether it says that it holds nothing compiled, and so fits every platform."""
        said = self.members.get(f"{self.dist_info}/WHEEL", b"").decode("utf-8", errors="replace")
        return email.message_from_string(said).get("Root-Is-Purelib", "true").lower() != "false"

    @property
    def description(self) -> str:
        """The long description, which is the body of METADATA."""
        body = self.metadata.get_payload()
        return body.strip() if isinstance(body, str) else ""


def read_wheel(path: Path) -> Wheel:
    """Read a wheel wholly (ours are small).

    Raises:
        CouldNotRun: it is no zip, is damaged, or has not exactly one dist-info with its files.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            files = [info for info in archive.infolist() if not info.is_dir()]
            members = {info.filename: archive.read(info) for info in files}
    except (OSError, zipfile.BadZipFile) as error:
        raise CouldNotRun(f"the wheel can't be read: {error}") from error
    folders = {name.split("/")[0] for name in members if ".dist-info/" in name}
    if len(folders) != 1:
        raise CouldNotRun(f"the wheel has {len(folders)} dist-info folders instead of one")
    dist_info = folders.pop()
    rows = _rows(members, f"{dist_info}/RECORD")
    return Wheel(
        members,
        _doubled([info.filename for info in files]),
        dist_info,
        {row[0]: (row[1], row[2]) for row in rows},
        _doubled([row[0] for row in rows]),
        email.message_from_bytes(_member(members, f"{dist_info}/METADATA")),
    )


def _rows(members: Mapping[str, bytes], name: str) -> list[list[str]]:
    text = _member(members, name).decode("utf-8", errors="replace")
    rows = [row for row in csv.reader(io.StringIO(text)) if row]
    if any(len(row) != 3 for row in rows):  # noqa: PLR2004 - path, hash and size
        raise CouldNotRun("the wheel's RECORD has a line that is not path, hash and size")
    return rows


def _member(members: Mapping[str, bytes], name: str) -> bytes:
    if name not in members:
        raise CouldNotRun(f"the wheel has no {name.rsplit('/', 1)[-1]}")
    return members[name]


def _doubled(names: list[str]) -> tuple[str, ...]:
    return tuple(sorted(name for name, count in Counter(names).items() if count > 1))
