"""Whether a version is affected, by the rules of OSV over the order of PEP 440.

https://ossf.github.io/osv-schema/#evaluation. What can't be compared, and what says nothing of
versions, counts as affected: fail closed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.version import InvalidVersion, Version

if TYPE_CHECKING:
    from collections.abc import Iterable

    from checks.osv.record import Affected, Range

_BEGINNING = "0"  # before every version, also before 0.dev0
_NO_LIMIT = "*"


def affects(affected: Affected, version: str) -> bool:
    """Tell whether this version is listed or lies in a range.

    Commits (ranges of type GIT) can't be compared with versions; where there is nothing else, and
    where the order is another ecosystem's, every version is taken to be meant.
    """
    lines = [one for one in affected.ranges if one.type != "GIT"]
    if not affected.versions and not lines:
        return True
    return _listed(affected.versions, version) or any(_lies_in(one, version) for one in lines)


def _listed(versions: Iterable[str], version: str) -> bool:
    """A local version (1.0+ours) is its public one with something added: PEP 440 on ``==``."""
    wanted = _comparable(version)
    public = _comparable(wanted.public) if isinstance(wanted, Version) else wanted
    return any(text == version or _comparable(text) in {wanted, public} for text in versions)


def _comparable(text: str) -> Version | str:
    """Return a comparable version; text that is none (old records have some) equals only itself."""
    try:
        return Version(text)
    except InvalidVersion:
        return text


def _lies_in(one: Range, version: str) -> bool:
    """Tell whether a version lies before the range's limits, and where it is affected."""
    if one.type != "ECOSYSTEM":
        return True
    points = [point for event in one.events for point in event.given]
    limits = [at for kind, at in points if kind == "limit"]
    try:
        wanted = Version(version)
        if limits and not any(at == _NO_LIMIT or wanted < Version(at) for at in limits):
            return False
        events = sorted((_place(at), kind) for kind, at in points if kind != "limit")
    except InvalidVersion:
        return True
    return _walk(events, wanted)


def _place(at: str) -> tuple[bool, Version]:
    """Order the beginning before every version."""
    return at != _BEGINNING, Version(at)


def _walk(events: Iterable[tuple[tuple[bool, Version], str]], wanted: Version) -> bool:
    """Follow the events in order. Of two at the same place, the one that affects comes later."""
    affected = False
    for place, kind in events:
        if kind == "introduced" and (True, wanted) >= place:
            affected = True
        elif (kind == "fixed" and (True, wanted) >= place) or (
            kind == "last_affected" and _is_after(wanted, place[1])
        ):
            affected = False
    return affected


def _is_after(wanted: Version, last: Version) -> bool:
    """Compare with the last affected version: 1.0+ours is no later than 1.0."""
    return (wanted if last.local else Version(wanted.public)) > last
