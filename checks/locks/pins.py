"""What a lock says of one distribution, in the one form that the gates and pip know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.markers import InvalidMarker, Marker, default_environment
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from checks.model import CouldNotRun

if TYPE_CHECKING:
    from collections.abc import Iterable

_SHA256 = "sha256:"
# True of no Python; uv's export says it in the same way.
_NOWHERE = "python_version < '0'"


@dataclass(frozen=True, slots=True)
class Pin:
    """One version of a distribution; `here` tells whether an environment on this machine has it."""

    name: str
    version: str
    hashes: tuple[str, ...]
    here: bool

    def line(self) -> str:
        """Return it as a requirement with hashes; what is for another machine has a marker."""
        marker = "" if self.here else f" ; {_NOWHERE}"
        hashes = "".join(f" \\\n    --hash={one}" for one in self.hashes)
        return f"{self.name}=={self.version}{marker}{hashes}\n"


def make_pin(name: str, version: str | None, hashes: Iterable[str], *, here: bool) -> Pin:
    """Return a pin with what it needs.

    Raises:
        CouldNotRun: there is no version, or no SHA-256 of any of its files.
    """
    strong = tuple(sorted({one for one in hashes if one.startswith(_SHA256)}))
    if not version:
        raise CouldNotRun(f"{name} has no version")
    if not strong:
        raise CouldNotRun(f"{name} has no SHA-256")
    return Pin(canonicalize_name(name), version, strong, here)


def read_marker(text: str) -> Marker:
    """Return a lock's marker.

    Raises:
        CouldNotRun: it is none.
    """
    try:
        return Marker(text)
    except InvalidMarker as error:
        raise CouldNotRun(f"{text[:60]!r} is no marker") from error


def require_python(wanted: str) -> None:
    """Refuse a lock for other Pythons: what its markers leave unsaid would be read wrongly.

    Raises:
        CouldNotRun: it is for others, or for none that is clear.
    """
    running = default_environment()["python_full_version"]
    try:
        fits = SpecifierSet(wanted).contains(running, prereleases=True)
    except InvalidSpecifier as error:
        raise CouldNotRun(f"{wanted[:60]!r} is no range of Pythons") from error
    if not fits:
        raise CouldNotRun(f"it is for Python {wanted}, and this is {running}")
