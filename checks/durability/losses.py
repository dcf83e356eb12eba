"""Scenarios about what is gone: a store that was emptied, a bus that was killed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks.durability.books import Books
from checks.durability.rules import DOWN, HIDDEN, LOST
from checks.fault import Fault, Faults

if TYPE_CHECKING:
    from collections.abc import Callable

    from checks.durability.stage import Stage
    from checks.peer import Peer

_TAIL = 300
_ATTEMPTS = 50


def flushed(stage: Stage) -> Faults:
    """The store was emptied by somebody: that is told, and never read as "no messages"."""
    store = stage.valkey()
    store.start()
    bus = stage.bus("redis", store)
    if not bus.boots():
        yield Fault(DOWN, f"it did not start: {bus.served.said()[-_TAIL:]}")
        return
    books, peer, reader = Books(), bus.peer(), bus.peer()
    peer.join()
    for name in ("m1", "m2", "m3"):
        yield from books.receipt(peer.publish(name), "disk")
    epoch = books.acknowledged.get("m1", {}).get("epoch")
    store.ask("FLUSHALL")
    yield from _hides_nothing(reader, epoch, "at once")
    answers = [peer.publish("at-once")]
    if peer.notice("stream", stage.limits.turn, bool) is None:
        yield Fault(HIDDEN, "no notice told the subscriber that the stream is lost")
    yield from _hides_nothing(reader, epoch, "later")
    answers += [peer.publish(f"n{number}") for number in range(_ATTEMPTS)]
    taken = [one for one in answers if one.get("type") == "ack"]
    if not taken:
        yield Fault(DOWN, f"nothing is taken any more: {answers[-1].get('error')}")
    if any(one.get("epoch") == epoch for one in taken):
        yield Fault(HIDDEN, "the stream goes on in its old epoch, as if nothing was lost")


def _hides_nothing(reader: Peer, epoch: object, when: str) -> Faults:
    answer = reader.command("history", after=0)
    page = answer.get("payload") or {}
    same = page.get("epoch") == epoch and page.get("complete") == "complete"
    if answer.get("type") == "response" and same:
        count = len(page.get("messages", ()))
        yield Fault(HIDDEN, f"{when}, the history is complete, with {count} messages")
    elif answer.get("error_code") == "NOT_FOUND":
        yield Fault(HIDDEN, f"{when}, the history is {answer.get('error')}")
    joined = reader.join(since={"epoch": epoch, "seq": 2})
    payload = joined.get("payload") or {}
    if joined.get("type") == "response" and payload.get("recovered") != "unknown":
        yield Fault(HIDDEN, f"{when}, a reader recovers {payload.get('recovered')}")
    if joined.get("type") == "response":
        reader.command("leave_channel")


def killed(backend: str) -> Callable[[Stage], Faults]:
    """A kill -9 under load: what was acknowledged or delivered is there after a restart."""

    def run(stage: Stage) -> Faults:
        store = stage.valkey() if backend == "redis" else None
        if store is not None:
            store.start()
        bus = stage.bus(backend, store)
        if not bus.boots():
            yield Fault(DOWN, f"it did not start: {bus.served.said()[-_TAIL:]}")
            return
        books, peer = Books(), bus.peer()
        peer.join()
        sent = 2 * stage.limits.load
        for number in range(sent):
            peer.send(f"m{number}")
        peer.answer(f"m{stage.limits.load}")
        bus.kill()
        peer.read_to_the_end()
        for frame in peer.frames:
            if frame.get("type") == "ack":
                books.enter(frame)
        again = stage.bus(backend, store)
        if not again.boots():
            yield Fault(LOST, f"it does not start again: {again.served.said()[-_TAIL:]}")
            return
        yield from books.judge(again.peer(), peer.delivered)

    return run
