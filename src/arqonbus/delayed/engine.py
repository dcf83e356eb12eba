"""Keeps messages that are to be delivered later, and publishes each when its time has come."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from arqonbus.bus.clock import micros, rfc3339
from arqonbus.bus.fields import checked_id, moment, own_fields
from arqonbus.bus.journal import Journal, stored
from arqonbus.bus.upkeep import upkeep
from arqonbus.delayed.book import Book
from arqonbus.delayed.delivery import Delivery
from arqonbus.delayed.schedule import Item, Key
from arqonbus.errors import ArqonBusError, ErrorCode, LimitError, conflict, invalid, not_found
from arqonbus.model.address import Address
from arqonbus.model.durability import Durability
from arqonbus.protocol import wire

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from arqonbus.bus.bus import Bus
    from arqonbus.config.limits import DelayedSettings
    from arqonbus.protocol.codec import Codec
    from arqonbus.protocol.inbound import Publish
    from arqonbus.routing.hub import Channel, Done, Peer
    from arqonbus.storage.interface import Storage
    from arqonbus.telemetry.metrics import Metrics

_CARE_SECONDS = 1.0

log = structlog.get_logger(__name__)


class Delayed:
    """Takes messages for later: the publisher's receipt comes when the journal has them."""

    def __init__(
        self, bus: Bus, storage: Storage, metrics: Metrics, settings: DelayedSettings
    ) -> None:
        self._bus = bus
        self._metrics = metrics
        self.settings = settings
        self._journal = Journal(bus, storage, "delayed")
        self._book = Book(self._journal, bus.tick.now)
        self.schedule = self._book.schedule
        self._asking: dict[Key, list[tuple[Peer, bytes]]] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Read the journal and deliver what is due from now on.

        Raises:
            StorageError: the journal can't be read.
        """
        if not self.settings.enabled:
            log.warning("delayed messages are switched off", records=self._journal.length)
            return
        await self._book.read()
        delivery = Delivery(self._book, self._bus, self._metrics)
        tidying = upkeep(
            self._book.tidy, every=_CARE_SECONDS, what="delayed", metrics=self._metrics
        )
        self._tasks = [asyncio.create_task(delivery.run()), asyncio.create_task(tidying)]

    async def stop(self) -> None:
        """Deliver nothing more."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    # --- taking ---

    def accept(self, peer: Peer, codec: Codec, frame: Publish) -> bool:
        """Keep a publish until its `deliver_at`; False when that is now or past, or when a message
        of this id is in the channel already: then it is a publish like any other.

        Raises:
            ArqonBusError: it is refused.
        """
        tick = self._bus.tick
        tick.start()
        at = micros(moment(frame.deliver_at, "deliver_at"))
        if at <= tick.micros:
            return False
        message_id = checked_id(frame.id) if frame.id else tick.mint()
        address = peer.publishing(frame.room, frame.channel)
        key = Key(*address, peer.dedup_scope + message_id.decode())
        channel = self._bus.hub.find(address)
        if channel is not None and channel.ids.find(key.key) is not None:
            return False
        self._bus.check_acceptable(frame, peer)
        receipt = self._bus.screened(peer, codec, frame)
        stamped, signed = own_fields(codec, frame, tick.stamp, peer.signature)
        if receipt:
            signed = wire.with_inspection(signed, receipt)
        body = codec.message_body(stamped, message_id, signed, frame.payload)
        require = None if frame.require is None else Durability.from_wire(frame.require)
        # Who wants no receipt is told of a loss all the same.
        asking = [(peer, message_id if frame.qos else b"")]
        if not self._repeated(Item(0, key, at, body, require), asking):
            self._check_room(at, len(body))
            self._check_tenant(address.tenant, len(body))
            peer.target(frame.room, frame.channel)
            self._take(key, at, body, require, asking)
        return True

    def _repeated(self, asked: Item, asking: list[tuple[Peer, bytes]]) -> bool:
        """Whether this id waits already; then it is answered like the first one."""
        known = self.schedule.get(asked.key)
        if known is None:
            return False
        same = wire.body_payload(known.body) == wire.body_payload(asked.body)
        if not same or known.at != asked.at:
            raise conflict(f"id {known.message_id!r} waits already, with another message or time")
        if known.seq:
            self._receipts(known, asking)
        else:
            self._asking[known.key] += asking
        return True

    def _check_room(self, at: int, size: int) -> None:
        settings = self.settings
        if not settings.enabled:
            raise conflict("deliver_at: delayed messages are switched off (delayed.enabled)")
        if at - self._bus.tick.micros > settings.max_delay * 1e6:
            raise invalid(f"deliver_at: at most {settings.max_delay:.0f} seconds from now")
        full = len(self.schedule) >= settings.max_messages
        if full or self.schedule.size + size > settings.max_bytes:
            what = "too many delayed messages are waiting"
            raise ArqonBusError(ErrorCode.RATE_LIMITED, what, retryable=True)

    def _check_tenant(self, tenant: str, size: int) -> None:
        settings = self.settings
        count, waiting = self.schedule.of(tenant)
        for name, most, now in (
            ("messages_per_tenant", settings.messages_per_tenant, count + 1),
            ("bytes_per_tenant", settings.bytes_per_tenant, waiting + size),
        ):
            if most is not None and now > most:
                raise LimitError(f"delayed.{name}", "too much of this tenant waits for its time")

    def _take(
        self,
        key: Key,
        at: int,
        body: bytes,
        require: Durability | None,
        asking: list[tuple[Peer, bytes]],
    ) -> None:
        item = Item(self._book.next_number(key.address.tenant), key, at, body, require, busy=True)
        self.schedule.add(item)
        self._asking[key] = asking

        def done(result: int | ArqonBusError) -> None:
            waiting = self._asking.pop(key)
            if isinstance(result, ArqonBusError):
                self.schedule.remove(item)
                for peer, request_id in waiting:
                    peer.refuse(*_lost(item, result, request_id))
                return
            item.seq = result
            self._book.queue(item)
            self._receipts(item, waiting)

        self._book.write(item, done)

    def _receipts(self, item: Item, asking: Sequence[tuple[Peer, bytes]]) -> None:
        tick, level = self._bus.tick, self._bus.hub.durability.wire
        for peer, request_id in asking:
            if not request_id:
                continue
            ids = {"id": tick.mint(), "timestamp": tick.text, "request_id": request_id}
            address = item.key.address.name, item.key.channel
            peer.receipts([wire.later_json(address, level, rfc3339(item.at), **ids)])

    # --- asking ---

    def needs(self, channel: Channel) -> bool:
        """Whether messages wait for a channel, be it only for being recorded."""
        return bool(self.schedule.at(channel.address))

    def waiting(self, address: Address) -> Iterator[Item]:
        """The messages kept for a channel, by arrival."""
        mine = self.schedule.at(address)
        waiting = (item for item in mine if item.seq and not item.delivered)
        return iter(sorted(waiting, key=lambda item: item.number))

    async def cancel(self, key: Key) -> Item:
        """Deliver a message never; recorded when it returns.

        Raises:
            ArqonBusError: NOT_FOUND, or CONFLICT when it is being delivered right now.
            StorageError: it could not be recorded, and is delivered.
        """
        item = self.schedule.get(key)
        if item is None or not item.seq:
            raise not_found("id: no delayed message of yours has it")
        if item.busy or item.delivered:
            raise conflict("id: the message is being delivered")
        item.busy = True

        def write(told: Done) -> None:
            def done(result: int | ArqonBusError) -> None:
                if isinstance(result, ArqonBusError):
                    self._book.queue(item)
                told(result)

            self._book.end(item, done)

        await stored(write)
        return item


def _lost(item: Item, error: ArqonBusError, request_id: bytes) -> tuple[ArqonBusError, str | None]:
    """What a publisher is told, who may not have asked for a receipt."""
    if request_id:
        return error, request_id.decode()
    address = item.key.address
    what = f"a message to {address} with deliver_at, sent with qos 0, was lost: {error.message}"
    return ArqonBusError(error.code, what, retryable=error.retryable), None
