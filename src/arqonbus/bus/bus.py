"""The one way a message enters: check, wait for the tick, commit once, fan out, receipt."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
import structlog

from arqonbus.bus.fanout import fan_out, receipts_of
from arqonbus.errors import ArqonBusError, ErrorCode, StorageError, conflict, invalid
from arqonbus.model.durability import Durability
from arqonbus.model.ids import is_id
from arqonbus.protocol import wire
from arqonbus.protocol.inbound import ABSENT
from arqonbus.storage.interface import ChannelAppend

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from arqonbus.bus.ticks import Tick
    from arqonbus.config.model import LimitSettings
    from arqonbus.protocol.codec import Codec
    from arqonbus.protocol.inbound import Publish
    from arqonbus.routing.hub import Channel, Hub, Peer
    from arqonbus.storage.interface import CommitResult, Storage
    from arqonbus.telemetry.metrics import Metrics

Receipts = list[tuple[int, "Peer", str]]
Taken = tuple["Channel", list[bytes], Receipts]

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
        max_pending_bytes: int,
        call_soon: Callable[[Callable[[], None]], object],
        on_batch: Callable[[], None],
    ) -> None:
        self.hub = hub
        self.storage = storage
        self.tick = tick
        self.draining = False
        self._metrics = metrics
        self._limits = limits
        self._max_pending = max_pending_bytes
        self._call_soon = call_soon
        self._on_batch = on_batch
        self._dirty: list[Channel] = []
        self._pending_bytes = 0
        self._scheduled = False
        self._in_flight: list[Taken] | None = None
        self._commit_started = 0
        self._paused: dict[Peer, None] = {}

    @property
    def idle(self) -> bool:
        """Whether nothing waits for a commit."""
        return not self._dirty and self._in_flight is None

    def settled(self, channel: Channel) -> bool:
        """Whether no message of the channel waits for its commit."""
        flying = self._in_flight or ()
        return not channel.bodies and all(taken is not channel for taken, _, _ in flying)

    def publish(self, peer: Peer, codec: Codec, frame: Publish) -> None:
        """Accept a message to a channel into the tick's batch, or answer a repeated id.

        Raises:
            ArqonBusError: the message is refused and nothing of it is kept.
        """
        channel = self.hub.find((frame.room, frame.channel))
        if channel is None or channel.deleting:
            channel = self.hub.obtain(frame.room, frame.channel)
        if frame.require is not None or self.draining or self._pending_bytes > self._max_pending:
            self._check_acceptable(frame)
        if not self._scheduled:
            self._schedule()
        payload = codec.payload_json(frame.payload)
        message_id = frame.id
        if message_id:
            if not is_id(message_id):
                raise invalid("id: 1–64 of A-Z a-z 0-9 _ . : - are allowed")
            if self._repeated(channel, peer, frame, payload):
                return
            encoded_id = message_id.encode()
        else:
            encoded_id = self.tick.mint()
            message_id = encoded_id.decode() if frame.qos else ""
        body = self._body(peer, codec, frame, encoded_id, payload)
        bodies = channel.bodies
        if not bodies:
            self._dirty.append(channel)
        if frame.qos:
            channel.receipts.append((len(bodies), peer, message_id))
        bodies.append(body)
        self._pending_bytes += len(body)
        if self._pending_bytes > self._max_pending >> 2:
            self._paused[peer] = None
            peer.pause_reading()

    def flush(self) -> None:
        """End of the tick: commit what came in, unless a commit is still under way."""
        self._scheduled = False
        if self._in_flight is not None or not self._dirty:
            return
        self.tick.start()
        self._in_flight = taken = self._take()
        self._commit_started = now = self.tick.micros
        batch = []
        for channel, bodies, _ in taken:
            channel.last_timestamp = max(now, channel.last_timestamp)
            batch.append(
                ChannelAppend(channel.address, channel.epoch, channel.last_timestamp, bodies)
            )
        self.storage.append(batch, self._committed)

    def _schedule(self) -> None:
        self._scheduled = True
        self.tick.start()
        if self._in_flight is None:
            self._call_soon(self.flush)

    def _check_acceptable(self, frame: Publish) -> None:
        if self.draining:
            raise StorageError("the server is going away: reconnect and send again")
        if self._pending_bytes > self._max_pending:
            raise ArqonBusError(
                ErrorCode.RATE_LIMITED, "too much is waiting for its commit", retryable=True
            )
        if frame.require is not None:
            check_durability(frame.require, self.hub.durability)

    def _repeated(self, channel: Channel, peer: Peer, frame: Publish, payload: bytes) -> bool:
        """Whether this id was published before within the window; then it is answered here."""
        key = peer.dedup_scope + frame.id
        digest = hash(payload)
        first = channel.recent.get(key)
        if first is not None:
            _same_message(first, digest, frame.id)
            if frame.qos:
                peer.receipts([self.receipt(channel, first[0], frame.id)])
            return True
        waiting = channel.waiting_ids.get(key)
        if waiting is not None:
            _same_message(waiting, digest, frame.id)
            if frame.qos:
                channel.receipts.append((waiting[0], peer, frame.id))
            return True
        flying = channel.in_flight.get(key)
        if flying is not None:
            _same_message(flying, digest, frame.id)
            if frame.qos:
                self._join_in_flight(channel, flying[0], peer, frame.id)
            return True
        if self._limits.dedup_window:
            channel.waiting_ids[key] = (len(channel.bodies), digest)
        return False

    def _join_in_flight(self, channel: Channel, index: int, peer: Peer, request_id: str) -> None:
        for flying, _, receipts in self._in_flight or ():
            if flying is channel:
                receipts.append((index, peer, request_id))

    def _body(
        self, peer: Peer, codec: Codec, frame: Publish, message_id: bytes, payload: bytes
    ) -> bytes:
        timestamp = self.tick.text
        if frame.timestamp:
            timestamp = check_timestamp(frame.timestamp)
        metadata = None
        if frame.metadata is not ABSENT:
            metadata = metadata_json(codec, frame.metadata)
        return wire.message_body(message_id, timestamp, peer.sender, payload, metadata)

    def receipt(self, channel: Channel, seq: int, request_id: str) -> bytes:
        """The ack of one position, as JSON."""
        return wire.ack_json(
            channel.ack_head, seq, self.tick.mint(), self.tick.text, request_id.encode()
        )

    def _take(self) -> list[Taken]:
        """What the next commit holds: whole channels in order of arrival, within the bounds."""
        taken: list[Taken] = []
        messages, size = self._limits.batch_messages, self._limits.batch_bytes
        while self._dirty and messages > 0 and size > 0:
            channel = self._dirty[0]
            count = _fitting(channel.bodies, messages, size)
            if count == len(channel.bodies):
                del self._dirty[0]
            piece = _split(channel, count)
            taken.append(piece)
            messages -= count
            size -= sum(map(len, piece[1]))
        self._pending_bytes -= sum(sum(map(len, bodies)) for _, bodies, _ in taken)
        return taken

    def _committed(self, result: CommitResult) -> None:
        taken, self._in_flight = self._in_flight, None
        if taken is None:
            raise RuntimeError("a store reported a commit that was not under way")
        self.tick.start()
        if isinstance(result, StorageError):
            self._refuse_all(taken, result)
        else:
            self._deliver(taken, result)
        self._on_batch()
        if self._paused and self._pending_bytes <= self._max_pending >> 3:
            paused, self._paused = self._paused, {}
            for peer in paused:
                peer.resume_reading()
        if self._dirty:
            self._scheduled = True
            self._call_soon(self.flush)

    def _deliver(self, taken: list[Taken], firsts: Sequence[int]) -> None:
        messages = deliveries = 0
        receipts: dict[Peer, list[bytes]] = {}
        for (channel, bodies, wanted), first in zip(taken, firsts, strict=True):
            last = first + len(bodies) - 1
            if first != channel.last_seq + 1:
                raise RuntimeError(f"the store gave position {first} after {channel.last_seq}")
            channel.last_seq = last
            channel.stored = True
            self._remember(channel, first)
            deliveries += fan_out(channel, bodies, first)
            messages += len(bodies)
            if wanted:
                receipts_of(self, channel, first, wanted, receipts)
        for peer, texts in receipts.items():
            peer.receipts(texts)
        self._metrics.published(messages)
        self._metrics.delivered(deliveries)
        self._metrics.batch(messages, max(0, self.tick.micros - self._commit_started) / 1e6)

    def _remember(self, channel: Channel, first: int) -> None:
        if not channel.in_flight:
            return
        recent = channel.recent
        for key, (index, digest) in channel.in_flight.items():
            recent[key] = (first + index, digest)
        channel.in_flight = {}
        surplus = len(recent) - self._limits.dedup_window
        if surplus > 0:
            for key in tuple(recent)[:surplus]:
                del recent[key]

    def _refuse_all(self, taken: list[Taken], error: StorageError) -> None:
        """Nothing of the batch was stored: nobody gets it, each publisher that asked is told."""
        refused = 0
        for channel, bodies, receipts in taken:
            channel.in_flight = {}
            refused += len(bodies)
            for _, peer, request_id in receipts:
                peer.refuse(error, request_id)
        self._metrics.storage_refused(refused)
        log.error("commit refused", messages=refused, reason=error.message)


def check_durability(require: str, reached: Durability) -> None:
    """Refuse a demand that can't be met.

    Raises:
        ArqonBusError: DURABILITY_NOT_MET that names both levels.
    """
    if Durability.from_wire(require) > reached:
        raise ArqonBusError(
            ErrorCode.DURABILITY_NOT_MET,
            f"{require} was required, {reached.wire} is what can be reached",
        )


def check_timestamp(text: str) -> bytes:
    """A client's timestamp, if it is RFC 3339 in UTC.

    Raises:
        ArqonBusError: VALIDATION_ERROR.
    """
    try:
        if not text.endswith("Z"):
            raise invalid("timestamp: RFC 3339 in UTC, ending in Z")
        msgspec.convert(text, type=datetime)
    except msgspec.ValidationError as error:
        raise invalid(f"timestamp: {error}") from error
    return text.encode()


def metadata_json(codec: Codec, raw: msgspec.Raw) -> bytes:
    """A client's metadata as JSON text.

    Raises:
        ArqonBusError: VALIDATION_ERROR when it is not an object.
    """
    text = codec.payload_json(raw)
    if not text.startswith(b"{"):
        raise invalid("metadata: must be an object")
    return text


def _same_message(known: tuple[int, int], digest: int, message_id: str) -> None:
    if known[1] != digest:
        raise conflict(f"id {message_id!r} was used for another message shortly before")


def _fitting(bodies: list[bytes], messages: int, size: int) -> int:
    """How many of the first bodies fit; at least one, so that a batch always gets on."""
    count = 0
    for body in bodies[:messages]:
        if size <= 0:
            break
        size -= len(body)
        count += 1
    return count


def _split(channel: Channel, count: int) -> Taken:
    """Take the first `count` waiting bodies with their receipts and ids."""
    bodies, receipts, ids = channel.bodies, channel.receipts, channel.waiting_ids
    if count == len(bodies):
        channel.bodies, channel.receipts, channel.waiting_ids = [], [], {}
        channel.in_flight = ids
        return channel, bodies, receipts
    channel.bodies = bodies[count:]
    channel.receipts = [(i - count, peer, rid) for i, peer, rid in receipts if i >= count]
    channel.waiting_ids = {k: (i - count, d) for k, (i, d) in ids.items() if i >= count}
    channel.in_flight = {k: v for k, v in ids.items() if v[0] < count}
    return channel, bodies[:count], [entry for entry in receipts if entry[0] < count]
