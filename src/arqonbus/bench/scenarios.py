"""The loads. Each runs in the worker's process and answers with what it measured."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from arqonbus.bench import flood
from arqonbus.bench.durable import durable
from arqonbus.bench.errors import BenchError
from arqonbus.bench.percentiles import summary
from arqonbus.bench.plan import Outcome, Plan
from arqonbus.bench.session import PATIENCE, Run, progress
from arqonbus.bench.sockets import Checked, Counted, Idle, Publisher, Unframed
from arqonbus.bench.system import memory_kib

_SHARE = 4
_CHUNK = 256


async def fanout(run: Run) -> Outcome:
    """One publisher, many subscribers, at most `window` messages not yet everywhere checked."""
    plan = run.plan
    subscribers = await _subscribe(run)
    checked = [peer for peer in subscribers if isinstance(peer, Checked)]
    publisher = (await run.connect(lambda: Publisher(plan, run.failed, run.wake.set), 1))[0]
    pump = _Pump(run, publisher, checked)
    for peer in checked:
        peer._progressed = pump.progressed  # noqa: SLF001 - wired once both exist
    run.start()
    end = run.loop.time() + plan.seconds
    pump.progressed()
    while run.loop.time() < end and not run.failure.done():
        await asyncio.sleep(min(1.0, max(0.0, end - run.loop.time())))
        progress(f"{publisher.sent} messages sent")
    pump.stopped = True
    await run.until(lambda: _all_arrived(publisher.sent, subscribers), "every delivery")
    outcome = run.stop(Outcome(checked=len(checked)))
    await _receipts(run, publisher)
    outcome.messages = publisher.sent
    outcome.deliveries = publisher.sent * len(subscribers)
    outcome.receipts = publisher.receipts
    return outcome


async def _subscribe(run: Run) -> list[Checked | Counted | Unframed]:
    """Checked ones are spread evenly among the others."""
    plan = run.plan
    step = max(1, plan.subscribers // max(1, plan.checked))
    numbers = iter(range(plan.subscribers))
    shares = _shares_bytes(plan)

    def make() -> Checked | Counted | Unframed:
        number = next(numbers)
        if number % step == 0 and number // step < plan.checked:
            return Checked(plan, run.failed, run.wake.set)
        return Counted(plan, run.failed) if shares else Unframed(plan, run.failed)

    return await run.connect(make, plan.subscribers)


def _shares_bytes(plan: Plan) -> bool:
    return plan.server == "arqonbus"


def _all_arrived(sent: int, subscribers: Sequence[Checked | Counted | Unframed]) -> bool:
    checked = [peer for peer in subscribers if isinstance(peer, Checked)]
    if any(peer.seen != sent for peer in checked):
        return False
    expected = {type(peer): 0 for peer in subscribers}
    if Counted in expected:
        expected[Counted] = checked[0].bytes
    if Unframed in expected:
        expected[Unframed] = sent * checked[0].dialect.message_bytes
    others = [peer for peer in subscribers if not isinstance(peer, Checked)]
    for peer in others:
        if peer.bytes > expected[type(peer)]:
            raise BenchError(
                f"a subscriber got {peer.bytes} bytes, a checked one {expected[type(peer)]}"
            )
    return all(peer.bytes == expected[type(peer)] for peer in others)


async def _receipts(run: Run, publisher: Publisher) -> None:
    if run.plan.qos and run.plan.server == "arqonbus":
        await run.until(lambda: publisher.receipts >= publisher.sent, "every receipt")
        if publisher.receipts != publisher.sent:
            raise BenchError(f"{publisher.receipts} receipts for {publisher.sent} messages")


class _Pump:
    """Keeps the window full, in shares of it, so that each write carries many messages."""

    def __init__(self, run: Run, publisher: Publisher, checked: list[Checked]) -> None:
        self.stopped = False
        self._publisher = publisher
        self._checked = checked
        self._window = run.plan.window
        self._share = max(1, run.plan.window // _SHARE)
        self._wake = run.wake

    def progressed(self) -> None:
        """Some checked subscriber has got on."""
        if self.stopped:
            self._wake.set()
            return
        slowest = min(peer.seen for peer in self._checked)
        room = self._window - (self._publisher.sent - slowest)
        if room >= self._share:
            self._publisher.publish(room)


async def latency(run: Run) -> Outcome:
    """A steady rate; the time from handing a message to the socket to each delivery."""
    plan = run.plan
    sent_at: list[int] = []
    taken: list[float] = []
    clock = time.perf_counter_ns

    def arrived(number: int) -> None:
        taken.append((clock() - sent_at[number]) / 1e6)

    subscribers = await run.connect(
        lambda: Checked(plan, run.failed, run.wake.set), plan.subscribers
    )
    publisher = (await run.connect(lambda: Publisher(plan, run.failed, run.wake.set), 1))[0]
    for peer in subscribers:
        peer.arrived = arrived
    total = max(1, int(plan.rate * plan.seconds))
    run.start()
    began = run.loop.time()
    while publisher.sent < total and not run.failure.done():
        due = min(total, int((run.loop.time() - began) * plan.rate) + 1)
        while publisher.sent < due:
            sent_at.append(clock())
            publisher.publish(1)
        await asyncio.sleep(max(0.0, began + publisher.sent / plan.rate - run.loop.time()))
        if publisher.sent % plan.rate == 0:
            progress(f"{publisher.sent} of {total} messages sent")
    await run.until(lambda: all(peer.seen == total for peer in subscribers), "every delivery")
    outcome = run.stop(Outcome(checked=len(subscribers)))
    await _receipts(run, publisher)
    outcome.messages, outcome.receipts = total, publisher.receipts
    outcome.deliveries = total * len(subscribers)
    outcome.latency_ms = summary(taken)
    return outcome


async def ingest(run: Run) -> Outcome:
    """Publishers only. With receipts `window` messages are under way; without, a barrier after
    every chunk tells how far the server is.
    """
    plan = run.plan
    publishers = await run.connect(
        lambda: Publisher(plan, run.failed, run.wake.set), plan.publishers
    )
    base = [peer.barriers for peer in publishers]
    end = run.loop.time() + plan.seconds
    window = max(1, plan.window // len(publishers))
    receipted = bool(plan.qos) and plan.server == "arqonbus"
    asked = [0] * len(publishers)
    run.start()
    shown = run.loop.time()
    while run.loop.time() < end and not run.failure.done():
        run.wake.clear()
        for at, peer in enumerate(publishers):
            if receipted:
                room = window - (peer.sent - peer.receipts)
                if room >= max(1, window // _SHARE):
                    peer.publish(room)
            elif asked[at] - (peer.barriers - base[at]) < _SHARE:
                peer.publish(min(_CHUNK, window))
                peer.write(peer.dialect.barrier())
                asked[at] += 1
        await run.until(run.wake.is_set, "an answer")
        if run.loop.time() - shown > 1:
            shown = run.loop.time()
            progress(f"{sum(peer.sent for peer in publishers)} messages sent")

    def answered() -> bool:
        if receipted:
            return all(peer.receipts == peer.sent for peer in publishers)
        return all(p.barriers - b == a for p, b, a in zip(publishers, base, asked, strict=True))

    await run.until(answered, "every answer")
    outcome = run.stop(Outcome())
    outcome.messages = sum(peer.sent for peer in publishers)
    outcome.receipts = sum(peer.receipts for peer in publishers)
    await _taken(run, publishers[0], outcome.messages)
    return outcome


async def _taken(run: Run, peer: Publisher, sent: int) -> None:
    """The server's own count must be what was sent: nothing missing, nothing doubled."""
    request = peer.dialect.position()
    if request is None:
        return
    deadline = run.loop.time() + PATIENCE
    while peer.dialect.stored != sent:
        late = run.loop.time() > deadline
        if late or (peer.dialect.stored or 0) > sent:
            raise BenchError(f"the channel holds {peer.dialect.stored} of {sent} messages")
        answered = peer.barriers
        peer.write(request)
        await run.until(lambda: peer.barriers > answered, "the channel's position")  # noqa: B023 - awaited at once


async def connections(run: Run) -> Outcome:
    """Idle subscribers; the server's memory before and with them."""
    plan = run.plan
    await run.connect(lambda: Idle(plan, run.failed), 20)
    await asyncio.sleep(0.5)
    before = memory_kib(plan.pid)
    run.start()
    await run.connect(lambda: Idle(plan, run.failed), plan.subscribers)
    outcome = run.stop(Outcome(connections=plan.subscribers))
    await asyncio.sleep(1.0)
    outcome.kib_per_connection = (memory_kib(plan.pid) - before) / plan.subscribers
    return outcome


SCENARIOS = {
    "fanout": fanout,
    "ingest": ingest,
    "latency": latency,
    "connections": connections,
    "durable": durable,
    "flood": flood.flood,
}


async def perform(plan: Plan) -> Outcome:
    """Run a plan's scenario."""
    run = Run(plan)
    try:
        return await SCENARIOS[plan.scenario](run)
    finally:
        run.close()
