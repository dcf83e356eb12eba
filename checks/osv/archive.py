"""The files of a snapshot: a ``tar.gz`` or a ``zip``, records as YAML or JSON."""

from __future__ import annotations

import json
import re
import tarfile
import zipfile
import zlib
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import yaml

from checks.model import CouldNotRun

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

# The base loader makes every scalar a string: with any other, version 1.10 is the number 1.1.
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_FOLDER = "vulns"  # where the advisory database's repository has them; an export has no folders
_YAML = frozenset({".yaml", ".yml"})
_COMMIT = re.compile(r"[0-9a-f]{40,64}")

Files = list[tuple[str, bytes]]


def read_archive(path: Path) -> tuple[Files, str | None]:
    """Return the records' names and contents, and the commit that the archive was made of.

    Raises:
        CouldNotRun: it can't be read, or holds among the records what is no plain file.
    """
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                return _zipped(archive), _commit(archive.comment.decode("ascii", "replace"))
        with tarfile.open(path, "r:gz") as packed:
            return _packed(packed), _commit(packed.pax_headers.get("comment", ""))
    except (OSError, EOFError, zlib.error, tarfile.TarError, zipfile.BadZipFile) as error:
        raise CouldNotRun(f"the advisory snapshot can't be read: {error}") from error


def parse(name: str, content: bytes) -> object:
    """Parse one record's file.

    Raises:
        CouldNotRun: it is neither YAML nor JSON, as its name says.
    """
    suffix = PurePosixPath(name).suffix
    try:
        if suffix in _YAML:
            return yaml.load(content, Loader=_LOADER)  # noqa: S506 - it makes only strings
        if suffix == ".json":
            return json.loads(content)
    except (ValueError, yaml.YAMLError) as error:
        raise CouldNotRun(f"the advisory record {name} is not {suffix[1:].upper()}") from error
    raise CouldNotRun(f"{name} lies among the advisory records and is none")


def _commit(comment: str) -> str | None:
    """Return the mark that ``git archive`` leaves."""
    return comment if _COMMIT.fullmatch(comment) else None


def _zipped(archive: zipfile.ZipFile) -> Files:
    members = [one for one in archive.infolist() if not one.is_dir()]
    chosen = _records(one.filename for one in members)
    return [(name, archive.read(name)) for name in chosen]


def _packed(archive: tarfile.TarFile) -> Files:
    members = {one.name: one for one in archive if not one.isdir()}
    return [(name, _content(archive, members[name])) for name in _records(members)]


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member) if member.isfile() else None
    if file is None:  # a link, say: following it could leave the archive
        raise CouldNotRun(f"the advisory record {member.name} is no plain file")
    return file.read()


def _records(names: Iterable[str]) -> Iterator[str]:
    """Choose what lies below the folder of records, or everything where there is no such folder."""
    listed = list(names)
    parts = {name: PurePosixPath(name).parts for name in listed}
    below = [name for name in listed if _FOLDER in parts[name]]
    return (name for name in below or listed if not parts[name][-1].startswith("."))
