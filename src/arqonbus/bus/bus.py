"""The one way a message enters: check, wait for the tick, commit once, fan out, receipt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog

from arqonbus.bus.commits import Commits
from arqonbus.bus.condition import Condition
from arqonbus.bus.fields import check_durability, checked_id, own_fields
from arqonbus.bus.screening import Screening
from arqonbus.bus.streams import Streams
from arqonbus.errors import LimitError, StorageError, conflict
from arqonbus.model.durability import Durability
from arqonbus.protocol import wire
from arqonbus.protocol.close import CloseCode
from arqonbus.protocol.inbound import ABSENT, Publish
from arqonbus.routing.dedup import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from arqonbus.bus.ticks import Tick
    from arqonbus.config.limits import LimitSettings
    from arqonbus.model.stream import StreamInfo
    from arqonbus.protocol.codec import Codec
    from arqonbus.protocol.inbound import ClientFrame
    from arqonbus.routing.hub import Channel, Done, Hub, Peer, Receipt
    from arqonbus.storage.interface import Storage
    from arqonbus.telemetry.metrics import Metrics

# Frames of one tenant that a turn of the event loop takes at most: as long as it takes them, nobody
# else gets on.
TURN: Final = 256
# The same while there is nobody else: every turn costs a write for each subscriber.
ALONE: Final = 4096

log = structlog.get_logger(__name__)


class Bus:
    """Accepts publishes, commits them a batch at a time and hands them to the fan-out.

    `call_soon` schedules the end of the tick; `on_batch` is called when a batch's deliveries and
    receipts are queued, so that each peer's outbox is written once.
    """

    def __init__(  # noqa: PLR0913 - the whole wiring, done once in app.build
        self,
        hub: Hub,
        storage: Storage,
        tick: Tick,
        metrics: Metrics,
        limits: LimitSettings,
        *,
        demanded: Durability,
        max_pending_bytes: int,
        call_soon: Callable[[Callable[[], None]], object],
        on_batch: Callable[[], None],
        screening: Screening | None = None,
    ) -> None:
        self.hub = hub
        self.storage = storage
        self.tick = tick
        self._metrics = metrics
        self._ledger = metrics.ledger
        self._ledger.standing = self._standing
        self._dedup_window = limits.dedup_window
        self._max_pending = max_pending_bytes
        self.screening = screening or Screening()
        self._call_soon = call_soon
        self._on_batch = on_batch
        self.streams = Streams(hub, storage, tick, metrics)
        self.condition = Condition(hub, storage, tick, metrics, demanded)
        self._commits = Commits(
            storage, self.streams, self.condition, tick, metrics, limits, done=self._committed
        )
        self._waiting = self._commits.waiting
        self._scheduled = False
        self._awake: list[Peer] = []
        self._paused: list[Peer] = []
        self._draining = False
        # Tenants of which no more is taken.
        self._full: frozenset[str] = frozenset()
        # What publish looks at: whether there is any reason to refuse everybody.
        self._closed = False

    async def load(self, streams: Sequence[StreamInfo]) -> None:
        """Know what the store holds: its streams, and which ids were published to them.

        Raises:
            StorageError: the store can't be read.
        """
        self.hub.load(streams)
        for channel in self.hub:
            await self._remember_ids(channel)
        self.condition.look()

    async def _remember_ids(self, channel: Channel) -> None:
        if not self._dedup_window or channel.own:
            return
        for stored in await self.storage.newest_keys(channel.address, self._dedup_window):
            digest = hash(wire.body_payload(stored.body))
            channel.ids.remember(stored.key, stored.seq, digest)

    @property
    def draining(self) -> bool:
        """Whether the server is going away and takes no more messages."""
        return self._draining

    def drain(self) -> None:
        """Refuse what is published from now on."""
        self._draining = self._closed = True

    @property
    def idle(self) -> bool:
        """Whether nothing waits for a commit."""
        commits = self._commits
        return not (self._awake or self._waiting.channels or commits.in_flight is not None)

    def ledger(self) -> dict[str, object]:
        """The books of messages and deliveries as they stand."""
        return self._ledger.entries()

    def _standing(self) -> tuple[int, int]:
        pending = sum(peer.account().pending for peer in self.hub.peers.values())
        return self._commits.messages, pending

    def settled(self, channel: Channel) -> bool:
        """Whether no message of the channel waits for its commit."""
        return not self._commits.involves(channel)

    def wake(self, peer: Peer) -> None:
        """Let `peer` work at the end of this turn of the event loop."""
        self._schedule()
        self._awake.append(peer)

    def publish(  # noqa: C901 - the hot loop: a call per message would be a measurable part of it
        self, peer: Peer, codec: Codec, frames: Iterator[ClientFrame]
    ) -> ClientFrame | None:
        """Accept messages to channels into the tick's batch, or answer repeated ids, until there
        are no more frames, or one is something else (one to be delivered later is): it is returned.

        A run instead of a single message, so that what is the same for all is looked up once.

        Raises:
            ArqonBusError: the frame taken last is refused and nothing of it is kept; the run can
                be continued with the same iterator. So it can after errors of the iterator.
        """
        self._schedule()
        find, mint, message_body = peer.targets.get, self.tick.mint, codec.message_body
        stamp, signature, closed = self.tick.stamp, peer.signature, self._closed
        screens = self.screening.active
        for frame in frames:
            if type(frame) is not Publish or frame.to or frame.deliver_at:
                return frame
            if closed or frame.require is not None:
                self.check_acceptable(frame, peer)
            stamped, signed = stamp, signature
            receipt = self.screened(peer, codec, frame) if screens else b""
            if frame.timestamp or frame.metadata is not ABSENT:
                stamped, signed = own_fields(codec, frame, stamp, signature)
            if receipt:
                signed = wire.with_inspection(signed, receipt)
            message_id = checked_id(frame.id) if frame.id else mint()
            body = message_body(stamped, message_id, signed, frame.payload)
            channel = find((frame.room, frame.channel))
            if channel is None or channel.deleting:
                channel = peer.target(frame.room, frame.channel)
            if frame.id and self._dedup_window:
                start = len(stamped) + len(message_id) + len(signed) + len(wire.PAYLOAD_KEY)
                if self._repeated(channel, peer, frame, body[start:]):
                    continue
            bodies = channel.bodies
            if not bodies:
                self._waiting.channels.append(channel)
            if frame.require is not None:
                channel.requires[len(bodies)] = Durability.from_wire(frame.require)
            if frame.qos:
                channel.receipts.append((len(bodies), peer, message_id))
            bodies.append(body)
        return None

    def screened(self, peer: Peer, codec: Codec, frame: Publish) -> bytes:
        """Leave of a publish what the payload rules allow; the receipt of that, or nothing.

        Raises:
            ArqonBusError: the peer may not publish there, or what it says is refused.
        """
        channel = peer.targets.get((frame.room, frame.channel))
        # Who may not publish there at all must not learn what the rules say.
        known = None if channel is None else channel.address
        address = known or peer.publishing(frame.room, frame.channel)
        return self.screening.screen(codec, frame, address.name, address.channel)

    def end_tick(self) -> None:
        """Let the peers work that were woken, then commit, unless a commit is under way."""
        try:
            self.tick.start()
            awake, self._awake = self._awake, []
            left: dict[str, int] = {}
            at_most = TURN if self.hub.shared else ALONE
            for peer in awake:
                tenant = peer.principal.tenant
                most = max(0, left.get(tenant, at_most))
                left[tenant] = most - self._let_work(peer, most)
            self._ledger.published += self._waiting.measure()
            if self._waiting.size > self._max_pending >> 2:
                self._push_back(awake)
        finally:
            self._scheduled = False
        if self._awake:
            self._schedule()
        self._commits.start()

    def _committed(self) -> None:
        self._on_batch()
        self._relieve()
        if self._waiting.channels:
            self._schedule()

    async def look_after(self) -> None:
        """Look at the store, and tell everybody what changed; called in short intervals.

        Raises:
            UnusableStoreError: the store must not be used any more; everybody knows by now.
            StorageError: the store can't even be asked.
        """
        try:
            await self.storage.probe(self.streams.adopt)
        finally:
            self.condition.look()
        # The first one, since others may come meanwhile.
        while self.streams.adopted:
            await self._remember_ids(self.streams.adopted[0])
            self.streams.adopted.pop(0)

    def post(
        self,
        channel: Channel,
        body: bytes,
        done: Done,
        *,
        key: str = "",
        require: Durability | None = None,
    ) -> None:
        """Have a body of the bus itself stored with the next commit; `done`, which must not raise,
        is told its position or why there is none. It is stored once for each `key`, within the
        dedup window.
        """
        self._schedule()
        if key and self._dedup_window and self._known(channel, body, key, done):
            return
        if not channel.bodies:
            # The bus' own records first: somebody waits for each, and they are few.
            at = 0 if channel.own else len(self._waiting.channels)
            self._waiting.channels.insert(at, channel)
        if require is not None:
            channel.requires[len(channel.bodies)] = require
        channel.waiters.append((len(channel.bodies), done))
        channel.bodies.append(body)

    def _known(self, channel: Channel, body: bytes, key: str, done: Done) -> bool:
        """Whether this very message is there or on its way; then `done` is told of that one."""
        digest = hash(wire.body_payload(body))
        known = channel.ids.find(key)
        if known is None:
            channel.ids.add(key, len(channel.bodies), digest)
        if known is None or known.digest != digest:
            return False
        if known.state is State.STORED:
            done(known.number)
        elif known.state is State.WAITING:
            channel.waiters.append((known.number, done))
        else:
            self._commits.also_awaits(channel, (known.number, done))
        return True

    def _let_work(self, peer: Peer, most: int) -> int:
        try:
            return peer.work(most)
        except Exception:
            # The turn's edge: what fails one peer must not cost the others theirs.
            log.exception("a peer failed", client_id=peer.client_id)
            self._metrics.internal_error("peer")
            peer.close(CloseCode.INTERNAL_ERROR)
            return 0

    def _schedule(self) -> None:
        """End the tick at the end of this turn; again is fine."""
        if not self._scheduled:
            self._scheduled = True
            self.tick.start()
            self._call_soon(self.end_tick)

    def _push_back(self, awake: list[Peer]) -> None:
        """Much waits for its commit: read no more from those who sent it, which are the tenants
        that have no less there than the others.
        """
        sizes = self._waiting.sizes()
        most = self._max_pending / len(sizes)
        beyond = self._waiting.size > self._max_pending
        self._full = frozenset(t for t, size in sizes.items() if beyond and size >= most)
        self._closed = self._draining or bool(self._full)
        fair = self._waiting.size / len(sizes)
        senders = [peer for peer in awake if sizes.get(peer.principal.tenant, 0) >= fair]
        for peer in senders:
            peer.pause_reading()
        self._paused += senders

    def _relieve(self) -> None:
        """Read from everybody again once most of what waited is committed."""
        if not (self._paused or self._full) or self._waiting.size > self._max_pending >> 3:
            return
        self._full, self._closed = frozenset(), self._draining
        paused, self._paused = self._paused, []
        for peer in paused:
            peer.resume_reading()

    def check_acceptable(self, frame: Publish, peer: Peer) -> None:
        """Refuse a publish that can't be taken at present, or whose demand can't be met.

        Raises:
            ArqonBusError: STORAGE_UNAVAILABLE, RATE_LIMITED or DURABILITY_NOT_MET.
        """
        if self._draining:
            raise StorageError("the server is going away: reconnect and send again")
        if peer.principal.tenant in self._full:
            raise LimitError("storage.max_pending_bytes", "too much is waiting for its commit")
        if frame.require is not None:
            check_durability(frame.require, self.hub.durability)

    def _repeated(self, channel: Channel, peer: Peer, frame: Publish, payload: bytes) -> bool:
        """Whether this id was published before within the window; then it is answered here."""
        key = peer.dedup_scope + frame.id
        digest = hash(payload)
        known = channel.ids.find(key)
        if known is None:
            channel.ids.add(key, len(channel.bodies), digest)
            return False
        if known.digest != digest:
            raise conflict(f"id {frame.id!r} was used for another message shortly before")
        if frame.qos:
            self._receipt_of_first(channel, known.state, (known.number, peer, frame.id.encode()))
        return True

    def _receipt_of_first(self, channel: Channel, state: State, receipt: Receipt) -> None:
        if state is State.STORED:
            seq, peer, request_id = receipt
            peer.receipts([self._commits.receipt(channel, seq, request_id)])
        elif state is State.WAITING:
            channel.receipts.append(receipt)
        else:
            self._commits.also_wants(channel, receipt)
