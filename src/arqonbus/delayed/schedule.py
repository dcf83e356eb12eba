"""Which message is due next. Pure state, no I/O."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from arqonbus.bus.timetable import Timetable
from arqonbus.model.address import Address
from arqonbus.model.durability import Durability


class Key(NamedTuple):
    """What tells a message from others: the channel's address, and `key`, the publish id within its
    owner's scope.
    """

    room: str
    channel: str
    key: str

    @property
    def address(self) -> Address:
        """Where it goes."""
        return Address(self.room, self.channel)


@dataclass(slots=True)
class Item:
    """A message to be delivered at `at` (µs); `number` is its place among its tenant's, by
    arrival. `due` is when it is tried: later than `at` once that failed.

    `seq` is the position of its record in the journal, 0 while there is none; a `stale` one is to
    be written again. While it is `busy`, its taking, delivery or end is under way; `delivered`
    says that only the end is left.
    """

    number: int
    key: Key
    at: int
    body: bytes
    require: Durability | None = None
    seq: int = 0
    due: int = 0
    busy: bool = False
    stale: bool = False
    delivered: bool = False

    @property
    def message_id(self) -> str:
        """The publish id as its publisher knows it."""
        return self.key.key.rpartition("\0")[2]


class Schedule:
    """Items by key, and in order of their time and arrival; `size` is their bodies' bytes."""

    def __init__(self) -> None:
        self.size = 0
        self._tenants: dict[str, tuple[int, int]] = {}
        self._items: dict[Key, Item] = {}
        # By channel: whoever asks about one must not be slowed down by what waits for the others.
        self._channels: dict[Address, dict[Key, Item]] = {}
        self._order: Timetable[tuple[int, Key]] = Timetable(self._due)

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Item]:
        return iter(tuple(self._items.values()))

    def get(self, key: Key) -> Item | None:
        """The item of this key."""
        return self._items.get(key)

    def add(self, item: Item) -> None:
        """Know an item; it is not due before `queue` puts it in its place."""
        self._items[item.key] = item
        self._channels.setdefault(item.key.address, {})[item.key] = item
        self.size += len(item.body)
        self._count(item, 1)

    def queue(self, item: Item, at: int | None = None) -> None:
        """Let the item be due at its time, or at another one."""
        item.busy, item.due = False, item.at if at is None else at
        self._order.add(item.due, (item.number, item.key))

    def remove(self, item: Item) -> None:
        """Forget an item; one that was forgotten is fine."""
        if self._items.get(item.key) is item:
            del self._items[item.key]
            channel = self._channels[item.key.address]
            del channel[item.key]
            if not channel:
                del self._channels[item.key.address]
            self.size -= len(item.body)
            self._count(item, -1)

    def at(self, address: Address) -> tuple[Item, ...]:
        """The items of a channel."""
        return tuple(self._channels.get(address, {}).values())

    def of(self, tenant: str) -> tuple[int, int]:
        """How many items are a tenant's, and their bodies' bytes."""
        return self._tenants.get(tenant, (0, 0))

    def _count(self, item: Item, change: int) -> None:
        tenant = item.key.address.tenant
        count, size = self.of(tenant)
        self._tenants[tenant] = (count + change, size + change * len(item.body))
        if not self._tenants[tenant][0]:
            del self._tenants[tenant]

    def next_time(self) -> int | None:
        """When the next item is due."""
        return self._order.next()

    def pop(self, now: int) -> Item | None:
        """The item that is due first, busy from now on, if one is due by `now`."""
        found = self._order.pop(now)
        if found is None:
            return None
        item = self._items[found[1]]
        item.busy = True
        return item

    def _due(self, which: tuple[int, Key]) -> int | None:
        number, key = which
        item = self._items.get(key)
        if item is None or item.number != number or item.busy:
            return None
        return item.due
