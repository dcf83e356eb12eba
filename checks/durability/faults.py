"""Scenarios in which the store fails under a bus that runs."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING

from checks.durability.books import Books
from checks.durability.degraded import announced, came_back, is_said, welcomed
from checks.durability.rules import DOWN, READY, RECEIPT, SILENT
from checks.fault import Fault, Faults

if TYPE_CHECKING:
    from collections.abc import Callable

    from checks.durability.stage import Bus, Stage
    from checks.durability.valkey import Valkey

    Change = Callable[[Valkey], None]

_TAIL = 300


def fails_strict(go: Change, come: Change) -> Callable[[Stage], Faults]:
    """The store goes: everything is refused and nothing delivered, until it is back."""
    return lambda stage: _strict(stage, go, come)


def fails_degraded(go: Change, come: Change) -> Callable[[Stage], Faults]:
    """The store goes: the bus goes on from memory and says so, until it is back."""
    return lambda stage: _degraded(stage, go, come)


def _strict(stage: Stage, go: Change, come: Change) -> Faults:
    store = stage.valkey()
    store.start()
    bus = stage.bus("redis", store)
    if not bus.boots():
        yield Fault(DOWN, f"it did not start: {bus.served.said()[-_TAIL:]}")
        return
    books, publisher, other = Books(), bus.peer(), bus.peer()
    other.join()
    for name in ("m1", "m2", "m3"):
        yield from books.receipt(publisher.publish(name), "disk")
    go(store)
    yield from books.refusal(publisher.publish("refused"), "STORAGE_UNAVAILABLE")
    yield from books.not_delivered([other])
    yield from _not_ready(stage, bus)
    if other.notice("durability", stage.limits.turn, bool) is None:
        yield Fault(SILENT, "no notice told the clients that the store is away")
    come(store)
    if not bus.becomes(bus.is_ready):
        yield Fault(DOWN, "the store is back, and /ready does not say 200 again")
    yield from books.receipt(publisher.publish("m4"), "disk")
    yield from books.not_delivered([other])
    yield from books.judge(publisher, other.delivered)


def _degraded(stage: Stage, go: Change, come: Change) -> Faults:
    store = stage.valkey()
    store.start()
    bus = stage.bus("redis", store, "degraded")
    if not bus.boots():
        yield Fault(DOWN, f"it did not start: {bus.served.said()[-_TAIL:]}")
        return
    books, publisher, other = Books(), bus.peer(), bus.peer()
    other.join()
    for name in ("m1", "m2"):
        yield from books.receipt(publisher.publish(name), "disk")
    go(store)
    for name in ("m3", "m4"):
        yield from books.receipt(publisher.publish(name), "memory")
    yield from announced(other, stage.limits.turn)
    yield from is_said(bus, "memory")
    yield from welcomed(bus.peer())
    yield from books.refusal(publisher.publish("refused", require="disk"), "DURABILITY_NOT_MET")
    yield from books.receipt(publisher.publish("m5"), "memory")
    yield from books.not_delivered([other])
    come(store)
    yield from came_back(stage, bus, store, books, other)


def weakened_strict(stage: Stage) -> Faults:
    """The server's setting is changed under way: no receipt says disk from then on."""
    store = stage.valkey()
    store.start()
    bus = stage.bus("redis", store)
    if not bus.boots():
        yield Fault(DOWN, f"it did not start: {bus.served.said()[-_TAIL:]}")
        return
    books, peer = Books(), bus.peer()
    yield from books.receipt(peer.publish("m1"), "disk")
    store.ask("CONFIG", "SET", "appendfsync", "no")
    yield from _not_ready(stage, bus)
    answer = peer.publish("refused")
    if answer.get("type") == "ack":
        yield Fault(RECEIPT, f"appendfsync is no, and a receipt says {answer.get('durability')}")
    yield from books.refusal(answer, "STORAGE_UNAVAILABLE")
    store.ask("CONFIG", "SET", "appendfsync", "always")
    if not bus.becomes(bus.is_ready):
        yield Fault(DOWN, "the setting is right again, and /ready does not say 200")
    yield from books.receipt(peer.publish("m2"), "disk")
    yield from books.judge(peer, peer.delivered)


def _not_ready(stage: Stage, bus: Bus) -> Faults:
    """``/ready`` turns red with a reason, and ``/health`` says the same."""
    if not bus.becomes(lambda: bus.page("/ready")[0] == HTTPStatus.SERVICE_UNAVAILABLE):
        yield Fault(READY, f"/ready says {bus.page('/ready')[0]} after {stage.limits.turn:g} s")
        return
    text = bus.page("/ready")[1]
    try:
        reasons = json.loads(text).get("reasons")
    except (ValueError, AttributeError):
        reasons = None
    if not reasons:
        yield Fault(READY, f"/ready does not say why: {text[:_TAIL]}")
    health = bus.health()
    if health.get("available") is not False and not health.get("problem"):
        yield Fault(READY, f"/health says nothing of it: {health}")
