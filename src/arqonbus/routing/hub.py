"""Channels with their subscribers, and the connected peers."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Protocol, TypeAlias

from arqonbus.errors import ArqonBusError, ErrorCode, LimitError, conflict, not_found
from arqonbus.model.address import SYSTEM_ROOM, Address
from arqonbus.model.ids import new_epoch
from arqonbus.protocol import wire
from arqonbus.routing.dedup import PublishIds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from arqonbus.model.durability import Durability
    from arqonbus.model.principal import Principal
    from arqonbus.model.stream import StreamInfo
    from arqonbus.protocol.close import CloseCode
    from arqonbus.telemetry.ledger import Account


class Subscriber(Protocol):
    """Takes a channel's deliveries; never blocks, never fails: overflow is its own affair."""

    binary: bool

    def deliver(self, channel: Channel, chunk: bytes, first_seq: int, last_seq: int) -> None:
        """Queue whole frames holding the positions `first_seq` to `last_seq`."""
        ...

    def send(self, frames: bytes) -> bool:
        """Queue frames that must not be left out; False if the connection is closing."""
        ...


class Peer(Protocol):
    """A connected client as the bus sees it."""

    client_id: str
    principal: Principal
    signature: bytes
    dedup_scope: str
    # The channels it may publish to, as far as it did, by the names it uses.
    targets: dict[tuple[str, str], Channel]

    def publishing(self, room: str, channel: str) -> Address:
        """The address of what it calls so.

        Raises:
            ArqonBusError: it may not publish there, or that is no name.
        """
        ...

    def target(self, room: str, channel: str) -> Channel:
        """The channel that it calls so, which `targets` knows from now on.

        Raises:
            ArqonBusError: it may not publish there, or there is no such channel.
        """
        ...

    def account(self) -> Account:
        """What became of the deliveries due to this client."""
        ...

    def work(self, most: int) -> int:
        """Take the frames that came in during this turn of the event loop, but not more than so
        many: how many it took. The others wait for the next turn, and no more are read until then.
        """
        ...

    def send_json(self, text: bytes) -> bool:
        """Queue one envelope given as JSON; False when the peer can't take it any more."""
        ...

    def receipts(self, texts: Sequence[bytes]) -> None:
        """Queue acks given as JSON, in one write."""
        ...

    def refuse(self, error: ArqonBusError, request_id: str | None) -> None:
        """Answer a request with an error envelope."""
        ...

    def notice(self, payload: dict[str, object]) -> None:
        """Tell news of the server's own state."""
        ...

    def rights_changed(self) -> None:
        """Decide anew what it may do, and leave what it may not have any more."""
        ...

    def close(self, code: CloseCode) -> None:
        """Ask the client to leave."""
        ...

    def pause_reading(self) -> None:
        """Take no more frames until `resume_reading`."""
        ...

    def resume_reading(self) -> None:
        """Take frames again."""
        ...


# Whoever wants a receipt: the message's index within its batch, the peer, the request's id.
Receipt: TypeAlias = tuple[int, Peer, bytes]
# What is told the position of something stored, or why it is not; it must not raise.
Done: TypeAlias = "Callable[[int | ArqonBusError], None]"
# Whoever within the bus waits for a message: its index, and what to call.
Waiter: TypeAlias = "tuple[int, Done]"


class Channel:
    """A stream and its subscribers, with what is waiting for the next commit.

    `bodies`, `receipts`, `requires` (least levels by index), `waiters`, `ids`, `measured` and
    `waiting_bytes` belong to the bus; they are slots here because a lookup by channel in a second
    table would be paid for every message. `own` says that it is the bus' own, which is no
    tenant's.
    `watchers`, which must not raise, are called once after each commit and change of epoch.
    """

    __slots__ = (
        "ack_head",
        "address",
        "binary",
        "bodies",
        "deleting",
        "epoch",
        "first_seq",
        "head",
        "ids",
        "last_seq",
        "last_timestamp",
        "measured",
        "own",
        "receipts",
        "requires",
        "size",
        "stored",
        "tenant",
        "text",
        "waiters",
        "waiting_bytes",
        "watchers",
    )

    def __init__(self, address: Address, epoch: str, durability: Durability) -> None:
        self.address = address
        self.own = address.room == SYSTEM_ROOM
        self.tenant = "" if self.own else address.tenant
        self.epoch = epoch
        self.stamp(durability)
        self.first_seq = 1
        self.last_seq = 0
        self.last_timestamp = 0
        self.size = 0
        self.stored = False
        self.deleting = False
        self.text: dict[Subscriber, None] = {}
        self.binary: dict[Subscriber, None] = {}
        self.bodies: list[bytes] = []
        self.receipts: list[Receipt] = []
        self.requires: dict[int, Durability] = {}
        self.waiters: list[Waiter] = []
        self.ids = PublishIds()
        self.watchers: list[Callable[[], None]] = []
        self.measured = 0
        self.waiting_bytes = 0

    @property
    def subscribers(self) -> int:
        """How many peers have joined."""
        return len(self.text) + len(self.binary)

    def add(self, subscriber: Subscriber) -> None:
        """Deliver to `subscriber` from the next position on."""
        (self.binary if subscriber.binary else self.text)[subscriber] = None

    def remove(self, subscriber: Subscriber) -> None:
        """Deliver no more to `subscriber`; unknown ones are fine."""
        (self.binary if subscriber.binary else self.text).pop(subscriber, None)

    def stamp(self, durability: Durability) -> None:
        """Write what all deliveries and receipts begin with, for the present epoch and level."""
        room, name, level = self.address.name, self.address.channel, durability.wire
        self.head = wire.channel_head(room, name, self.epoch, level)
        self.ack_head = wire.ack_head(room, name, self.epoch, level)

    def adopt(self, info: StreamInfo) -> None:
        """Take over what the store says of this stream; `stamp` it after its epoch changed."""
        self.epoch = info.epoch
        self.first_seq, self.last_seq = info.first_seq, info.last_seq
        self.last_timestamp, self.size = info.last_timestamp, info.size
        self.stored = True


class Hub:
    """All channels and peers of this process."""

    def __init__(
        self,
        durability: Durability,
        *,
        max_channels: int,
        auto_create: bool,
        per_tenant: int | None = None,
    ) -> None:
        self.durability = durability
        self.peers: dict[str, Peer] = {}
        # How many peers each tenant has.
        self._there: Counter[str] = Counter()
        self._channels: dict[tuple[str, str], Channel] = {}
        self._own: dict[tuple[str, str], Channel] = {}
        self._max_channels = max_channels
        self._per_tenant = per_tenant
        self._tenants: Counter[str] = Counter()
        self._auto_create = auto_create
        self.find = self._channels.get

    def __iter__(self) -> Iterator[Channel]:
        return iter(tuple(self._channels.values()))

    def __len__(self) -> int:
        return len(self._channels)

    def load(self, streams: Sequence[StreamInfo]) -> None:
        """Know the streams that the store holds."""
        for info in streams:
            self.load_one(info)

    def load_one(self, info: StreamInfo) -> Channel:
        """Know a stream that the store holds."""
        channel = Channel(info.address, info.epoch, self.durability)
        channel.adopt(info)
        if channel.own:
            self._own[info.address] = channel
        else:
            self._know(channel)
        return channel

    def _know(self, channel: Channel) -> None:
        if channel.address not in self._channels:
            self._tenants[channel.tenant] += 1
        self._channels[channel.address] = channel

    def own(self, name: str) -> Channel:
        """The bus' own channel of this name, which no client can name."""
        address = Address(SYSTEM_ROOM, name)
        channel = self._own.get(address)
        if channel is None:
            channel = self._own[address] = Channel(address, new_epoch(), self.durability)
        return channel

    def known(self, address: Address) -> Channel | None:
        """The channel at this address, be it the bus' own."""
        return self.find(address) or self._own.get(address)

    def holds(self, channel: Channel) -> bool:
        """Whether the channel is still the one at its address."""
        return self.known(channel.address) is channel

    def set_durability(self, durability: Durability) -> None:
        """Stamp everything with another level from now on."""
        self.durability = durability
        for channel in (*self._channels.values(), *self._own.values()):
            channel.stamp(durability)

    @property
    def shared(self) -> bool:
        """Whether peers of more than one tenant are there."""
        return len(self._there) > 1

    def enter(self, peer: Peer) -> None:
        """A peer is there from now on."""
        self.peers[peer.client_id] = peer
        self._there[peer.principal.tenant] += 1

    def leave(self, client_id: str) -> None:
        """A peer is gone; one that is not known is fine."""
        peer = self.peers.pop(client_id, None)
        if peer is None:
            return
        tenant = peer.principal.tenant
        self._there[tenant] -= 1
        if not self._there[tenant]:
            del self._there[tenant]

    def existing(self, address: Address) -> Channel:
        """The channel at this address.

        Raises:
            ArqonBusError: NOT_FOUND, or CONFLICT while it is being deleted.
        """
        found = self.find(address)
        if found is None:
            raise not_found(f"channel {address} does not exist; create it with create_channel")
        if found.deleting:
            raise ArqonBusError(
                ErrorCode.CONFLICT, f"channel {found.address} is being deleted", retryable=True
            )
        return found

    def obtain(self, address: Address) -> Channel:
        """The channel at this address, made in memory if the settings allow it; same errors."""
        found = self.find(address)
        if found is not None and not found.deleting:
            return found
        if found is not None or not self._auto_create:
            return self.existing(address)
        return self.make(address)

    def make(self, address: Address) -> Channel:
        """A new channel, not stored yet.

        Raises:
            ArqonBusError: CONFLICT when it exists; RATE_LIMITED when there are too many, or its
                tenant has too many.
        """
        if address in self._channels:
            raise conflict(f"channel {address} exists already")
        if len(self._channels) >= self._max_channels:
            raise LimitError("limits.max_channels", "there are as many channels as there may be")
        most = self._per_tenant
        if most is not None and self._tenants[address.tenant] >= most:
            raise LimitError("limits.channels_per_tenant", f"this tenant may have {most} channels")
        channel = Channel(address, new_epoch(), self.durability)
        self._know(channel)
        return channel

    def forget(self, channel: Channel) -> None:
        """Remove a channel that the store no longer holds; whoever still knows it must ask anew."""
        channel.deleting = True
        if self._channels.get(channel.address) is channel:
            del self._channels[channel.address]
            self._tenants[channel.tenant] -= 1
            if not self._tenants[channel.tenant]:
                del self._tenants[channel.tenant]
