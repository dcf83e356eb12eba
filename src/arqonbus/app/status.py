"""The bus' state as the HTTP pages show it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from arqonbus.bus.bus import Bus

# Why a part can't do its work at the moment, or None.
Problem: TypeAlias = Callable[[], str | None]


class Status:
    """Implements `api.interface.BusStatus`; `problems` is who to ask, by part."""

    def __init__(self, bus: Bus, problems: Mapping[str, Sequence[Problem]]) -> None:
        self._bus = bus
        self._problems = problems

    def ready(self) -> Sequence[str]:
        """See `BusStatus.ready`."""
        reasons = ["draining: the server is going away"] if self._bus.draining else []
        for part, ask in self._problems.items():
            reasons += [f"{part}: {problem}" for one in ask if (problem := one())]
        return reasons

    def health(self) -> Mapping[str, object]:
        """See `BusStatus.health`."""
        return {
            "storage": self._bus.condition.report(),
            "connections": len(self._bus.hub.peers),
            "channels": len(self._bus.hub),
            "draining": self._bus.draining,
        }
