"""What the store gives at present, and telling everybody when that changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from arqonbus.bus.clock import rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from arqonbus.bus.ticks import Tick
    from arqonbus.model.durability import Durability
    from arqonbus.routing.hub import Hub
    from arqonbus.storage.interface import Storage
    from arqonbus.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)


class Condition:
    """The store's state as the bus has told it: level in force, and since when something is amiss.

    `demanded` is the level that the settings ask for.
    """

    def __init__(
        self, hub: Hub, storage: Storage, tick: Tick, metrics: Metrics, demanded: Durability
    ) -> None:
        self.demanded = demanded
        self._hub = hub
        self._storage = storage
        self._tick = tick
        self._metrics = metrics
        self._problem: str | None = None
        self._since: str | None = None
        # Called with each change, in the form of `news`; they must not raise.
        self.watchers: list[Callable[[Mapping[str, object]], None]] = []
        metrics.durability(hub.durability, degraded=hub.durability < demanded, available=True)

    @property
    def degraded(self) -> bool:
        """Whether less than what was demanded is in force."""
        return self._hub.durability < self.demanded

    def look(self) -> None:
        """Compare with the store; stamp, count, log and announce what changed."""
        level, problem = self._storage.durability, self._storage.problem()
        changed = level != self._hub.durability
        turned = (problem is None) != (self._problem is None)
        self._problem = problem
        if not (changed or turned):
            return
        if changed:
            self._hub.set_durability(level)
        if self.degraded or problem is not None:
            self._since = self._since or rfc3339(self._tick.now())
        self._tell()
        if not self.degraded and problem is None:
            self._since = None
        self._metrics.durability(level, degraded=self.degraded, available=problem is None)

    def report(self) -> dict[str, object]:
        """The state for people and programs."""
        problem = self._storage.problem()
        return {
            "durability": self._hub.durability.wire,
            "demanded": self.demanded.wire,
            "degraded": self.degraded,
            "available": problem is None,
            "problem": problem,
            "reason": self._storage.shortfall(),
            "since": self._since,
            "capabilities": sorted(self._storage.capabilities),
        }

    def news(self) -> dict[str, object]:
        """The part of the state that can change."""
        report = self.report()
        del report["capabilities"]
        return report

    def _tell(self) -> None:
        news = self.news()
        sound = not self.degraded and self._problem is None
        tell = log.info if sound else log.error
        tell("durability is as demanded" if sound else "durability is not as demanded", **news)
        for peer in tuple(self._hub.peers.values()):
            peer.notice({"event": "durability", **news})
        for watcher in self.watchers:
            watcher(news)
