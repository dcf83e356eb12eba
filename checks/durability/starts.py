"""Scenarios about the start: a store that is not there, or gives less than is demanded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks.durability.books import Books
from checks.durability.degraded import came_back, is_said, welcomed
from checks.durability.rules import DOWN, RECEIPT, SECOND, SILENT, STARTED
from checks.fault import Fault, Faults
from checks.served import watch_until_exit

if TYPE_CHECKING:
    from collections.abc import Callable

    from checks.durability.stage import Bus, Stage

_IO = 74  # sysexits.h: storage can't be opened
_TAIL = 300


def dead_strict(stage: Stage) -> Faults:
    """Nothing listens where the store should be: no start, and why."""
    store = stage.valkey()
    yield from _refused(stage, stage.bus("redis", store), str(store.port))


def unsafe_strict(setting: str, value: str, more: dict[str, str]) -> Callable[[Stage], Faults]:
    """The server's setting gives less than disk: no start, and which setting it is."""

    def run(stage: Stage) -> Faults:
        store = stage.valkey(**{setting.replace("-", "_"): value}, **more)
        store.start()
        yield from _refused(stage, stage.bus("redis", store), setting)

    return run


def unsafe_degraded(stage: Stage) -> Faults:
    """The server's setting gives less than disk, and the operator chose to go on: it is said."""
    store = stage.valkey(appendfsync="everysec")
    store.start()
    bus = stage.bus("redis", store, "degraded")
    if not bus.boots():
        yield Fault(DOWN, f"degraded, and it did not start: {bus.served.said()[-_TAIL:]}")
        return
    peer = bus.peer()
    receipt = peer.publish("m1")
    if receipt.get("durability") not in {"memory", "remote"}:
        yield Fault(RECEIPT, f"appendfsync is everysec and the receipt is {receipt}")
    if peer.welcome.get("payload", {}).get("durability") not in {"memory", "remote"}:
        yield Fault(SILENT, "the welcome names the level that was demanded, not the one in force")
    yield from is_said(bus, "appendfsync")
    yield from Books().refusal(peer.publish("m2", require="disk"), "DURABILITY_NOT_MET")


def dead_degraded(stage: Stage) -> Faults:
    """Nothing listens, and the operator chose to go on: it is said everywhere, until it is back."""
    store = stage.valkey()
    bus = stage.bus("redis", store, "degraded")
    if not bus.boots():
        yield Fault(DOWN, f"degraded, and it did not start: {bus.served.said()[-_TAIL:]}")
        return
    books, peer = Books(), bus.peer()
    yield from welcomed(peer)
    peer.join()
    for name in ("m1", "m2"):
        yield from books.receipt(peer.publish(name), "memory")
    yield from books.refusal(peer.publish("m3", require="disk"), "DURABILITY_NOT_MET")
    yield from is_said(bus, "memory")
    yield from books.not_delivered([peer])
    store.start()
    yield from came_back(stage, bus, store, books, peer)


def memory(stage: Stage) -> Faults:
    """A store that only ever was memory never says more."""
    bus = stage.bus("memory")
    if not bus.boots():
        yield Fault(DOWN, f"it did not start: {bus.served.said()[-_TAIL:]}")
        return
    books, peer = Books(), bus.peer()
    if peer.welcome.get("payload", {}).get("durability") != "memory":
        yield Fault(SILENT, "the welcome does not say that the level is memory")
    peer.join()
    yield from books.receipt(peer.publish("m1"), "memory")
    yield from books.refusal(peer.publish("m2", require="disk"), "DURABILITY_NOT_MET")
    yield from books.not_delivered([peer])


def second_writer(backend: str) -> Callable[[Stage], Faults]:
    """Two buses on one store would give a position twice: the second does not start."""

    def run(stage: Stage) -> Faults:
        store = stage.valkey() if backend == "redis" else None
        if store is not None:
            store.start()
        first = stage.bus(backend, store)
        if not first.boots():
            yield Fault(DOWN, f"it did not start: {first.served.said()[-_TAIL:]}")
            return
        books, peer = Books(), first.peer()
        yield from books.receipt(peer.publish("m1"), "disk")
        second = stage.bus(backend, store)
        if watch_until_exit(second.served, stage.limits.boot):
            yield Fault(SECOND, "a second bus serves the store that the first one has")
        elif second.served.process.poll() != _IO:
            code = second.served.process.poll()
            yield Fault(SECOND, f"a second bus ended with {code} instead of {_IO}")
        yield from books.receipt(peer.publish("m2"), "disk")
        yield from books.judge(peer, peer.delivered)

    return run


def _refused(stage: Stage, bus: Bus, says: str) -> Faults:
    listened = watch_until_exit(bus.served, stage.limits.boot)
    code, said = bus.served.process.poll(), bus.served.errors()
    if listened:
        yield Fault(STARTED, "it began to serve")
    elif code != _IO:
        ended = "did not end" if code is None else f"exited {code}"
        yield Fault(STARTED, f"it {ended} instead of {_IO}: {said[-_TAIL:]}")
    elif says not in said:
        yield Fault(STARTED, f"it does not say {says}: {said[-_TAIL:]}")
