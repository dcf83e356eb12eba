"""A snapshot of known vulnerabilities: an archive of OSV records.

It is never a part of the project: whoever runs the checks passes its path. Taken are an archive of
the PyPA advisory database (``tar.gz``, YAML below ``vulns/``) and the export of OSV (``all.zip``,
JSON).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from checks.model import CouldNotRun
from checks.osv.archive import parse, read_archive
from checks.osv.matching import affects
from checks.osv.record import Record, read_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All records by canonical name, withdrawn ones left out, and what tells its age.

    `records` counts every record in the archive, `withdrawn` those left out; `commit` is None when
    the archive has no mark.
    """

    by_name: Mapping[str, tuple[Record, ...]]
    records: int
    withdrawn: int
    newest: datetime
    commit: str | None

    def affecting(self, name: str, version: str) -> list[Record]:
        """Return the records that say that this version of `name` is vulnerable."""
        wanted = canonicalize_name(name)
        return [
            record
            for record in self.by_name.get(wanted, ())
            if any(one.name == wanted and affects(one, version) for one in record.affected)
        ]

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
    files, commit = read_archive(path)
    if not files:
        raise CouldNotRun("the advisory snapshot holds no record")
    records = [read_record(name, parse(name, content)) for name, content in files]
    return Snapshot(
        by_name=_indexed(records),
        records=len(records),
        withdrawn=sum(one.withdrawn is not None for one in records),
        newest=max(one.modified for one in records),
        commit=commit,
    )


def _indexed(records: Iterable[Record]) -> dict[str, tuple[Record, ...]]:
    index: dict[str, list[Record]] = {}
    for record in records:
        if record.withdrawn is None:
            for name in record.names():
                index.setdefault(name, []).append(record)
    return {name: tuple(entries) for name, entries in index.items()}
