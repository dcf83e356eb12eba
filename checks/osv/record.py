"""One record of known vulnerability in the OSV format: read whole, or refused.

The shapes are those of the schema's version 1 (https://ossf.github.io/osv-schema/), as far as a
verdict depends on them. What pip-audit would drop in silence (another schema, nothing affected)
is refused here, where somebody hears of it.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Literal, TypeAlias

import msgspec
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from checks.model import CouldNotRun

ECOSYSTEM = "PyPI"
_SCHEMA = re.compile(r"1\.\d+(\.\d+)?")
_EVENTS = ("introduced", "fixed", "last_affected", "limit")

Moment: TypeAlias = Annotated[datetime, msgspec.Meta(tz=True)]
Text: TypeAlias = Annotated[str, msgspec.Meta(min_length=1)]


class Package(msgspec.Struct, frozen=True):
    """Whose versions are meant."""

    ecosystem: Text
    name: Text


class Event(msgspec.Struct, frozen=True):
    """One point on a line of versions; exactly one of its fields is given."""

    introduced: Text | None = None
    fixed: Text | None = None
    last_affected: Text | None = None
    limit: Text | None = None

    def __post_init__(self) -> None:
        """Refuse an event of an unknown kind, or of two kinds."""
        if len(self.given) != 1:
            raise ValueError(f"an event is one of {', '.join(_EVENTS)}")

    @property
    def given(self) -> list[tuple[str, str]]:
        """The kinds that are given, with their versions."""
        values = [(kind, getattr(self, kind)) for kind in _EVENTS]
        return [(kind, at) for kind, at in values if at is not None]


class Range(msgspec.Struct, frozen=True):
    """A line of versions with its events, in any order."""

    type: Literal["ECOSYSTEM", "SEMVER", "GIT"]
    events: tuple[Event, ...]

    def __post_init__(self) -> None:
        """Refuse a range that never begins."""
        if not any(one.introduced for one in self.events):
            raise ValueError("a range has no introduced event")


class Affected(msgspec.Struct, frozen=True):
    """What of one package is affected."""

    package: Package | None = None
    versions: tuple[Text, ...] = ()
    ranges: tuple[Range, ...] = ()

    @property
    def name(self) -> str | None:
        """The distribution's canonical name; None when it is not one of the package index."""
        if self.package is None or self.package.ecosystem.partition(":")[0] != ECOSYSTEM:
            return None
        return canonicalize_name(self.package.name)


class Record(msgspec.Struct, frozen=True):
    """One advisory."""

    id: Text
    modified: Moment
    schema_version: str = "1.0.0"
    withdrawn: Moment | None = None
    aliases: tuple[Text, ...] = ()
    summary: str = ""
    details: str = ""
    affected: tuple[Affected, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what a reader would have to guess at."""
        if _SCHEMA.fullmatch(self.schema_version) is None:
            raise ValueError(f"its schema {self.schema_version!r} is unknown")
        if self.withdrawn is None and not any(one.package for one in self.affected):
            raise ValueError("it names no package that is affected")

    def names(self) -> set[str]:
        """The canonical names of the distributions that it is about."""
        return {one.name for one in self.affected if one.name is not None}

    def answer(self, name: str) -> dict[str, object]:
        """What pip-audit is told: only what it reads, in the one form that it reads right.

        It looks at the first range alone, and a fix that is no version (old records have some)
        ends it.
        """
        own = [one for one in self.affected if one.name == name]
        events = [event for one in own for line in one.ranges for event in line.events]
        fixed = sorted({one.fixed for one in events if one.fixed and _is_version(one.fixed)})
        told = [{"introduced": "0"}, *({"fixed": at} for at in fixed)]
        return {
            "schema_version": "1.0.0",
            "id": self.id,
            "modified": self.modified.isoformat(),
            "aliases": list(self.aliases),
            "summary": self.summary or self.details,
            "affected": [
                {
                    "package": {"ecosystem": ECOSYSTEM, "name": name},
                    "ranges": [{"type": "ECOSYSTEM", "events": told}],
                }
            ],
        }


def read_record(place: str, document: object) -> Record:
    """Read one record; `place` is its name in the snapshot.

    Raises:
        CouldNotRun: it is not a record, of an unknown schema, or about nothing.
    """
    try:
        return msgspec.convert(document, Record)
    except msgspec.ValidationError as error:
        raise CouldNotRun(f"the advisory record {place} can't be read: {error}") from error


def _is_version(text: str) -> bool:
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True
