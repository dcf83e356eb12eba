"""A snapshot of the PyPA advisory database, and the OSV answers that are drawn from it.

The snapshot is a ``tar.gz`` of OSV records as YAML (``vulns/<name>/<id>.yaml``). It is never a
part of the project: whoever runs the checks passes its path.
"""

from __future__ import annotations

import tarfile
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import yaml
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from checks.model import CouldNotRun

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

# An OSV record is a foreign document; its shape is checked where it is read.
Record = dict[str, Any]

# The base loader makes every scalar a string: with any other, version 1.10 is the number 1.1.
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_SCHEMA = "1.6.0"  # pip-audit drops records without a 1.x schema in silence


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All records by canonical name, withdrawn ones left out, and what tells its age.

    `records` counts every record in the archive; `commit` is None when the archive has no mark.
    """

    by_name: Mapping[str, tuple[Record, ...]]
    records: int
    newest: datetime
    commit: str | None

    def affecting(self, name: str, version: str) -> list[Record]:
        """Return the records that say that this version of `name` is vulnerable."""
        wanted = canonicalize_name(name)
        known = self.by_name.get(wanted, ())
        return [record for record in known if _affects(record, wanted, version)]

    def age_days(self, now: datetime) -> int:
        """Return the days since the newest record.

        Raises:
            CouldNotRun: the clock is earlier than the snapshot, so no age can be told.
        """
        if now < self.newest:
            raise CouldNotRun("the clock is earlier than the advisory snapshot's newest record")
        return (now - self.newest).days


def load_snapshot(path: Path) -> Snapshot:
    """Read a snapshot.

    Raises:
        CouldNotRun: it can't be read, holds a broken record, or no record at all.
    """
    try:
        with tarfile.open(path, "r:gz") as archive:
            commit = archive.pax_headers.get("comment")
            records = list(_records(archive))
    except (OSError, EOFError, tarfile.TarError) as error:
        raise CouldNotRun(f"the advisory snapshot can't be read: {error}") from error
    if not records:
        raise CouldNotRun("the advisory snapshot holds no record")
    newest = max(_moment(record) for record in records)
    return Snapshot(_indexed(records), len(records), newest, commit)


def _records(archive: tarfile.TarFile) -> Iterator[Record]:
    for member in archive:
        parts = member.name.split("/")
        if member.isfile() and "vulns" in parts and member.name.endswith((".yaml", ".yml")):
            file = archive.extractfile(member)
            yield _parsed(member.name, file.read() if file else b"")


def _parsed(name: str, text: bytes) -> Record:
    try:
        record = yaml.load(text, Loader=_LOADER)  # noqa: S506 - a base loader makes only strings
    except yaml.YAMLError as error:
        raise CouldNotRun(f"the advisory record {name} is not YAML") from error
    if not isinstance(record, dict) or not record.get("id") or not record.get("modified"):
        raise CouldNotRun(f"the advisory record {name} has no id or no moment")
    return cast("Record", record)


def _moment(record: Record) -> datetime:
    try:
        moment = datetime.fromisoformat(str(record["modified"]))
    except ValueError as error:
        raise CouldNotRun(f"the advisory record {record['id']} has no valid moment") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _indexed(records: list[Record]) -> dict[str, tuple[Record, ...]]:
    index: dict[str, list[Record]] = {}
    for record in records:
        if record.get("withdrawn"):
            continue
        answer = record | {"schema_version": _SCHEMA}
        for name in {_name(affected) for affected in record.get("affected", ())}:
            index.setdefault(name, []).append(answer)
    return {name: tuple(entries) for name, entries in index.items()}


def _name(affected: Record) -> str:
    package = affected.get("package") or {}
    if str(package.get("ecosystem", "")).lower() != "pypi":
        return ""
    return canonicalize_name(str(package.get("name", "")))


def _affects(record: Record, name: str, version: str) -> bool:
    """Match as OSV does: a version is affected when it is listed or lies in a range."""
    return any(
        _listed(affected.get("versions") or (), version)
        or any(_in_range(one, version) for one in affected.get("ranges") or ())
        for affected in record["affected"]
        if _name(affected) == name
    )


def _listed(versions: Iterable[str], version: str) -> bool:
    wanted = _version(version)
    return any(text == version or _version(text) == wanted for text in versions)


def _version(text: str) -> Version | str:
    """Return a comparable version; text that is none (old records have some) equals only itself."""
    try:
        return Version(text)
    except InvalidVersion:
        return text


def _in_range(one: Record, version: str) -> bool:
    """Walk the events in version order. What can't be compared counts as affected: fail closed."""
    if one.get("type") != "ECOSYSTEM":
        return False
    try:
        wanted = Version(version)
        events = sorted(_event(entry) for entry in one.get("events", ()))
    except (InvalidVersion, ValueError):
        return True
    affected = False
    for at, kind in events:
        if kind == "introduced" and wanted >= at:
            affected = True
        elif (kind == "fixed" and wanted >= at) or (kind == "last_affected" and wanted > at):
            affected = False
    return affected


def _event(entry: Record) -> tuple[Version, str]:
    ((kind, at),) = entry.items()
    return Version(at), str(kind)
