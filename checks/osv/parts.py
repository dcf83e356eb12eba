"""A lock in parts: pip-audit takes a distribution only once, and a lock may hold it twice.

The second version is for other machines, as where one of them has the last that an old Python runs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from checks.manifest import Manifest
    from checks.model import GateOutput


@dataclass(frozen=True, slots=True)
class Part:
    """What is audited in one run: each distribution once; `unit` is what its scope is called."""

    lock: str
    unit: str
    locked: dict[str, str]


def parts_of(manifest: Manifest) -> Iterator[Part]:
    """Yield what is for this machine first, then what only other machines get."""
    lock = manifest.lock or ""
    yield Part(lock, "distributions", manifest.locked)
    waiting = sorted(manifest.others)
    while waiting:
        first = dict(reversed(waiting))
        yield Part(lock, "distributions for other machines", first)
        waiting = [one for one in waiting if one not in first.items()]


def joined(outputs: Sequence[GateOutput]) -> GateOutput:
    """Return all parts' outputs as one; canaries that fared alike in all are named once."""
    return replace(
        outputs[0],
        specimens=tuple(dict.fromkeys(outcome for one in outputs for outcome in one.specimens)),
        scopes=tuple(scope for one in outputs for scope in one.scopes),
        findings=tuple(finding for one in outputs for finding in one.findings),
        tools=tuple(run for one in outputs for run in one.tools),
        notes=tuple(dict.fromkeys(note for one in outputs for note in one.notes)),
        caveats=tuple(dict.fromkeys(text for one in outputs for text in one.caveats)),
    )
