"""What must be said while less than was demanded is in force, and how it must end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks.durability.rules import DOWN, LOST, SILENT
from checks.fault import Fault, Faults

if TYPE_CHECKING:
    from checks.durability.books import Books
    from checks.durability.stage import Bus, Stage
    from checks.durability.valkey import Valkey
    from checks.peer import Frame, Peer

_METRIC = "arqonbus_degraded"
_TAIL = 300


def welcomed(peer: Peer) -> Faults:
    """Who connects is told at once which level is in force, since when and why."""
    payload = peer.welcome.get("payload") or {}
    if payload.get("durability") != "memory":
        yield Fault(SILENT, f"the welcome says {payload.get('durability')}, not memory")
    storage = payload.get("storage") or {}
    if not (storage.get("degraded") and storage.get("since") and storage.get("reason")):
        yield Fault(SILENT, f"the welcome does not say degraded, since and reason: {storage}")


def is_said(bus: Bus, reason: str) -> Faults:
    """The health page, the metrics and the log say that it is so; the page since when and why."""
    health = bus.health()
    if health.get("degraded") is not True:
        yield Fault(SILENT, f"/health does not say degraded: {health}")
    for name in ("since", "reason"):
        if not health.get(name):
            yield Fault(SILENT, f"/health does not say {name}")
    if bus.metric(_METRIC) != 1:
        yield Fault(SILENT, f"the metric {_METRIC} is {bus.metric(_METRIC)}, not 1")
    if reason not in bus.served.said():
        yield Fault(SILENT, f"the log does not say {reason}")


def announced(peer: Peer, limit: float) -> Faults:
    """Everybody who is connected gets a notice with the new level and its moment."""
    notice = peer.notice("durability", limit, lambda told: told.get("durability") != "disk")
    if notice is None:
        yield Fault(SILENT, "no notice told the clients of the lower level")
    elif not notice.get("since"):
        yield Fault(SILENT, f"the notice does not say since when: {notice}")


def came_back(stage: Stage, bus: Bus, store: Valkey, books: Books, peer: Peer) -> Faults:
    """The store is there again: it is said, the level rises, and the store has everything."""
    if peer.notice("durability", stage.limits.turn, _is_disk) is None:
        yield Fault(SILENT, "no notice told the clients that the store is back")
    if not bus.becomes(lambda: bus.metric(_METRIC) == 0 and not bus.health().get("degraded")):
        yield Fault(DOWN, "the store is back, and metric and /health still say degraded")
    yield from books.receipt(peer.publish("after"), "disk")
    yield from books.judge(peer, peer.delivered)
    # What memory took must be in the store itself by now: only that outlives a kill.
    bus.kill()
    again = stage.bus("redis", store)
    if not again.boots():
        yield Fault(LOST, f"killed, it does not start again: {again.served.said()[-_TAIL:]}")
        return
    yield from books.judge(again.peer(), peer.delivered)


def _is_disk(told: Frame) -> bool:
    return told.get("durability") == "disk"
