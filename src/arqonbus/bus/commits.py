"""From what waits to what is stored: one commit at a time, then the fan-out and the receipts."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import structlog

from arqonbus.bus.batch import Waiting
from arqonbus.bus.fanout import fan_out
from arqonbus.errors import ArqonBusError, ErrorCode, StorageError
from arqonbus.protocol import wire
from arqonbus.storage.interface import ChannelAppend, Lowered, StreamLostError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from arqonbus.bus.batch import Taken
    from arqonbus.bus.condition import Condition
    from arqonbus.bus.streams import Streams
    from arqonbus.bus.ticks import Tick
    from arqonbus.config.limits import LimitSettings
    from arqonbus.model.durability import Durability
    from arqonbus.routing.hub import Channel, Done, Peer, Receipt, Waiter
    from arqonbus.storage.interface import CommitResult, Storage
    from arqonbus.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

_TELL_EVERY = 1_000_000  # microseconds


class Commits:
    """Hands what waits to the store and tells everybody what became of it.

    `done` is called after each commit, when its deliveries and receipts are queued.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - the whole wiring, done once in the bus
        self,
        storage: Storage,
        streams: Streams,
        condition: Condition,
        tick: Tick,
        metrics: Metrics,
        limits: LimitSettings,
        *,
        done: Callable[[], None],
    ) -> None:
        self.waiting = Waiting(limits)
        self.in_flight: list[Taken] | None = None
        self._storage = storage
        self._streams = streams
        self._condition = condition
        self._tick = tick
        self._metrics = metrics
        self._ledger = metrics.ledger
        self._dedup_window = limits.dedup_window
        self._done = done
        self._started = 0
        self._untold = 0
        self._told_at = -_TELL_EVERY

    def start(self) -> None:
        """Commit what waits, unless a commit is under way: its end starts the next one."""
        if self.in_flight is None and self.waiting.channels:
            self._started = self._tick.micros
            self._hand_in(self.waiting.take())

    @property
    def messages(self) -> int:
        """How many messages wait or are in flight."""
        flying = sum(len(t.bodies) for t in self.in_flight or () if not t.channel.own)
        return self.waiting.messages + flying

    def involves(self, channel: Channel) -> bool:
        """Whether messages of the channel wait or are in flight."""
        return bool(channel.bodies) or any(t.channel is channel for t in self.in_flight or ())

    def also_wants(self, channel: Channel, receipt: Receipt) -> None:
        """Somebody else wants a receipt for a message in flight."""
        for taken in self.in_flight or ():
            if taken.channel is channel:
                taken.receipts.append(receipt)

    def also_awaits(self, channel: Channel, waiter: Waiter) -> None:
        """Something else within the bus waits for a message in flight."""
        for taken in self.in_flight or ():
            if taken.channel is channel:
                taken.waiters.append(waiter)

    def receipt(self, channel: Channel, seq: int, request_id: bytes) -> bytes:
        """The ack of one position, as JSON."""
        tick = self._tick
        return wire.ack_json(channel.ack_head, seq, tick.mint(), tick.text, request_id)

    def _hand_in(self, taken: list[Taken]) -> None:
        """Without the messages that require what is not reached, be it since they were accepted."""
        for piece in taken:
            if piece.requires:
                self._refuse_unmet(piece, self._storage.durability)
        self.in_flight = [piece for piece in taken if piece.bodies]
        if self.in_flight:
            self._storage.append(self._batch(self.in_flight), self._committed)
            return
        self.in_flight = None
        self._done()

    def _batch(self, taken: list[Taken]) -> list[ChannelAppend]:
        batch = []
        for piece in taken:
            channel = piece.channel
            channel.last_timestamp = max(self._started, channel.last_timestamp)
            piece.epoch, piece.after = channel.epoch, channel.last_seq
            batch.append(
                ChannelAppend(
                    channel.address,
                    piece.epoch,
                    piece.after,
                    channel.last_timestamp,
                    piece.bodies,
                    channel.ids.in_flight,
                )
            )
        return batch

    def _committed(self, result: CommitResult) -> None:
        taken = self.in_flight
        if taken is None:
            raise RuntimeError("a store reported a commit that was not under way")
        self._tick.start()
        if isinstance(result, Lowered):
            self._condition.look()
            self._hand_in(taken)
            return
        self.in_flight = None
        if isinstance(result, StorageError):
            self._condition.look()
            self._refuse(taken, result)
        else:
            self._settle(taken, result)
        self._done()

    def _settle(self, taken: list[Taken], results: Sequence[StorageError | None]) -> None:
        stored = []
        for piece, outcome in zip(taken, results, strict=True):
            error = outcome
            if error is None and piece.epoch != piece.channel.epoch:
                error = StorageError("the stream was lost right after it took the message")
            if error is None:
                stored.append(piece)
                continue
            if isinstance(error, StreamLostError):
                self._streams.lost(piece.channel)
            self._refuse([piece], error)
        self._deliver(stored)

    def _deliver(self, taken: list[Taken]) -> None:
        messages = 0
        firsts = []
        receipts: dict[Peer, list[bytes]] = {}
        for piece in taken:
            channel, count = piece.channel, len(piece.bodies)
            if piece.after != channel.last_seq:
                raise RuntimeError(f"{channel.address} moved on from {piece.after} meanwhile")
            first = piece.after + 1
            firsts.append(first)
            channel.last_seq += count
            channel.stored = True
            channel.ids.stored(first, self._dedup_window)
            messages += 0 if channel.own else count
        self._ledger.stored += messages
        # Only now, so that no delivery can leave the positions of other channels behind the store.
        for piece, first in zip(taken, firsts, strict=True):
            self._ledger.due += fan_out(piece.channel, piece.bodies, first)
            self._gather_receipts(piece, first, receipts)
            for index, done in piece.waiters:
                self._tell(done, first + index)
            for wake in piece.channel.watchers:
                wake()
        for peer, texts in receipts.items():
            peer.receipts(texts)
        self._metrics.batch(messages, max(0, self._tick.micros - self._started) / 1e6)

    def _tell(self, done: Done, result: int | ArqonBusError) -> None:
        try:
            done(result)
        except Exception:
            # The commit's edge: what fails one who waits must not cost the others their receipts.
            log.exception("what waited for a commit failed")
            self._metrics.internal_error("bus")

    def _gather_receipts(self, piece: Taken, first: int, into: dict[Peer, list[bytes]]) -> None:
        for index, peer, request_id in piece.receipts:
            text = self.receipt(piece.channel, first + index, request_id)
            texts = into.get(peer)
            if texts is None:
                into[peer] = [text]
            else:
                texts.append(text)

    def _refuse(self, taken: list[Taken], error: StorageError) -> None:
        """Nothing of these was stored: nobody gets it, each publisher is told."""
        refused = 0
        for piece in taken:
            everything = set(range(len(piece.bodies)))
            refused += 0 if piece.channel.own else len(everything)
            piece.channel.ids.refused()
            self._tell_refused(piece, everything, error)
        self._ledger.refused += refused
        self._untold += refused
        # A store that is away refuses thousands a second: the first is told, then sums.
        if self._tick.micros - self._told_at >= _TELL_EVERY:
            log.error("commits refused", messages=self._untold, reason=str(error))
            self._told_at, self._untold = self._tick.micros, 0

    def _refuse_unmet(self, piece: Taken, reached: Durability) -> None:
        unmet = {index for index, least in piece.requires.items() if least > reached}
        if not unmet:
            return
        error = ArqonBusError(
            ErrorCode.DURABILITY_NOT_MET,
            f"more than {reached.wire} was required, which is what can be reached now",
        )
        self._tell_refused(piece, unmet, error)
        self._ledger.refused += 0 if piece.channel.own else len(unmet)
        piece.leave_out(unmet)

    def _tell_refused(self, piece: Taken, indices: set[int], error: ArqonBusError) -> None:
        told = set()
        for index, peer, request_id in piece.receipts:
            if index in indices:
                told.add(index)
                peer.refuse(error, request_id.decode())
        for index, done in piece.waiters:
            if index in indices:
                told.add(index)
                self._tell(done, error)
        self._tell_unasked(piece, indices - told, error)

    def _tell_unasked(self, piece: Taken, indices: set[int], error: ArqonBusError) -> None:
        """Who wanted no receipts learns of the loss all the same, in one error a channel."""
        lost = Counter(wire.body_sender(piece.bodies[index]) for index in indices)
        for client_id, count in lost.items():
            peer = self._streams.hub.peers.get(client_id)
            if peer is not None:
                what = f"{count} messages to {piece.channel.address} sent with qos 0 were lost"
                told = f"{what}: {error.message}"
                peer.refuse(ArqonBusError(error.code, told, retryable=error.retryable), None)
