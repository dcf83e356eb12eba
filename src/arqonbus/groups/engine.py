"""All consumer groups: made, found and deleted here; the journal is read and kept short here."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import structlog

from arqonbus.bus.journal import Journal, stored
from arqonbus.bus.upkeep import upkeep
from arqonbus.errors import ArqonBusError, conflict, not_found
from arqonbus.groups.group import Group, Recipient
from arqonbus.groups.memory import Name, name_of, replay, restored, whole
from arqonbus.groups.pump import Pump
from arqonbus.groups.records import AnyRecord, Deleted, Terms, Whole
from arqonbus.groups.state import GroupState
from arqonbus.groups.tasks import Counts
from arqonbus.model.address import Address
from arqonbus.shield.quotas import Quota

if TYPE_CHECKING:
    from collections.abc import Iterator

    from arqonbus.bus.bus import Bus
    from arqonbus.config.limits import GroupSettings
    from arqonbus.model.principal import Principal
    from arqonbus.routing.hub import Channel
    from arqonbus.storage.interface import Storage
    from arqonbus.telemetry.metrics import Metrics

_CARE_SECONDS = 1.0
# Records that a journal may hold beyond those needed before it is shortened.
_SLACK = 4096

log = structlog.get_logger(__name__)
_decode = msgspec.json.Decoder(AnyRecord).decode


@dataclass(slots=True)
class _Read:
    """A group as the journal told it so far."""

    terms: Terms
    state: GroupState
    base: int


class Groups:
    """Groups by room, channel and name; `start` before anybody may join."""

    def __init__(
        self, bus: Bus, storage: Storage, metrics: Metrics, settings: GroupSettings
    ) -> None:
        self.settings = settings
        self._bus = bus
        self._metrics = metrics
        self._journal = Journal(bus, storage, "groups")
        self._groups: dict[Name, Group] = {}
        self._tasks: dict[Name, asyncio.Task[None]] = {}
        self._joined: dict[str, set[Group]] = {}
        self._credits: dict[tuple[Group, str], tuple[Principal, int]] = {}
        self._quota = Quota(
            "groups.credits", settings.credits_per_principal, settings.credits_per_tenant
        )
        self._care: asyncio.Task[None] | None = None
        self._changing = asyncio.Lock()
        # Where a group is being recorded.
        self._making: Channel | None = None
        # Of groups that were deleted, so that sums over all groups never fall.
        self.past = Counts()

    def __iter__(self) -> Iterator[Group]:
        return iter(tuple(self._groups.values()))

    def need(self, channel: Channel) -> bool:
        """Whether there is a group of this channel, be it only being made."""
        return channel is self._making or any(group.channel is channel for group in self)

    def find(self, address: Address, group: str) -> Group | None:
        """The channel's group of this name, if there is one."""
        return self._groups.get((*address, group))

    def get(self, address: Address, group: str) -> Group:
        """The channel's group of this name.

        Raises:
            ArqonBusError: NOT_FOUND.
        """
        found = self.find(address, group)
        if found is None:
            raise not_found(f"group {group} of {address} does not exist")
        return found

    async def start(self) -> None:
        """Read the journal and go on with every group it tells of.

        Raises:
            StorageError: the journal can't be read.
        """
        if not self.settings.enabled:
            log.warning("consumer groups are switched off", records=self._journal.length)
            return
        await self._learn()
        self._care = asyncio.create_task(
            upkeep(self._tidy, every=_CARE_SECONDS, what="groups", metrics=self._metrics)
        )

    async def stop(self) -> None:
        """Hand out nothing more; what workers have they may still settle."""
        tasks = [*self._tasks.values(), *([self._care] if self._care else [])]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def create(self, channel: Channel, name: str, terms: Terms, after: int) -> Group:
        """A new group that begins behind position `after`, or the one of this name.

        Raises:
            ArqonBusError: CONFLICT when the channel has too many.
            StorageError: it could not be recorded.
        """
        making = self._create(channel, name, terms, after)
        # Whoever asked may be gone before it is recorded; it is made all the same, or not at all.
        return await asyncio.shield(asyncio.ensure_future(making))

    async def delete(self, group: Group) -> None:
        """End a group: its tasks are nobody's any more.

        Raises:
            ArqonBusError: CONFLICT while workers have joined.
            StorageError: it could not be recorded.
        """
        await asyncio.shield(asyncio.ensure_future(self._delete(group)))

    def join(self, group: Group, peer: Recipient, credit: int) -> None:
        """Make a connection a worker, until it leaves or is gone; see `Group.join`."""
        self._quota.take(peer.principal, peer.client_id, credit)
        try:
            group.join(peer, credit)
        except ArqonBusError:
            self._quota.give(peer.principal, peer.client_id, credit)
            raise
        self._credits[group, peer.client_id] = (peer.principal, credit)
        self._joined.setdefault(peer.client_id, set()).add(group)

    def leave(self, group: Group, client_id: str) -> None:
        """Make a connection no worker any more; see `Group.leave`."""
        self._leave(group, client_id)
        self._joined[client_id].discard(group)

    def _leave(self, group: Group, client_id: str) -> None:
        group.leave(client_id)
        principal, credit = self._credits.pop((group, client_id))
        self._quota.give(principal, client_id, credit)

    def joined(self, client_id: str) -> tuple[Group, ...]:
        """The groups that a connection works for."""
        return tuple(self._joined.get(client_id, ()))

    def gone(self, client_id: str) -> None:
        """A connection ended: what it had is due for others."""
        for group in self._joined.pop(client_id, ()):
            self._leave(group, client_id)

    async def _learn(self) -> None:
        """Go on with every group of the journal that is not known yet.

        Raises:
            ArqonBusError: the journal can't be read, or there are too many channels.
        """
        read: dict[Name, _Read] = {}
        await self._journal.read(lambda seq, body: _apply(read, seq, _decode(body)))
        for name, one in read.items():
            if name not in self._groups:
                address = Address(*name[:2])
                channel = self._bus.hub.known(address) or self._bus.hub.make(address)
                self._install(self._made(name, channel, one.terms, one.state, one.base))

    async def _create(self, channel: Channel, name: str, terms: Terms, after: int) -> Group:
        async with self._changing:
            key = (*channel.address, name)
            found = self._groups.get(key)
            if found is not None:
                return found
            self._check_place(channel)
            state = GroupState(channel.epoch, after, terms.max_attempts)
            group = self._made(key, channel, terms, state, 0)
            first = whole(key, terms, state)
            self._making = channel
            try:
                group.notes.base = await stored(lambda told: group.notes.write(first, told))
            finally:
                self._making = None
            self._install(group)
            return group

    def _check_place(self, channel: Channel) -> None:
        if channel.deleting or not self._bus.hub.holds(channel):
            raise conflict(f"{channel.address} was deleted meanwhile")
        count = sum(group.channel is channel for group in self)
        if count >= self.settings.max_per_channel:
            raise conflict(f"{channel.address} has as many groups as are allowed")

    async def _delete(self, group: Group) -> None:
        async with self._changing:
            if self._groups.get(group.name) is not group:
                raise not_found(f"group {group.name[2]} was deleted meanwhile")
            if group.peers:
                raise conflict(f"{len(group.peers)} workers have joined group {group.name[2]}")
            group.deleted = True
            try:
                end = Deleted(**group.whose)
                await stored(lambda told: group.notes.write(end, told))
            except ArqonBusError:
                group.deleted = False
                raise
            del self._groups[group.name]
            self.past.add(group.state.counts)
            self.past.lost += group.state.unsettled
            group.channel.watchers.remove(group.changed)
            self._tasks.pop(group.name).cancel()

    def _made(
        self, name: Name, channel: Channel, terms: Terms, state: GroupState, base: int
    ) -> Group:
        return Group(name, channel, terms, state, self._journal, self._bus.tick.now, base)

    def _install(self, group: Group) -> None:
        self._groups[group.name] = group
        group.channel.watchers.append(group.changed)
        pump = Pump(group, self._bus, self._metrics, self.settings.max_pending)
        self._tasks[group.name] = asyncio.create_task(pump.run())

    async def _tidy(self) -> None:
        # Alone: a group written behind its own end would be there again after a restart.
        async with self._changing:
            await self._write_afresh()
            await self._shorten()

    async def _write_afresh(self) -> None:
        if self._journal.renewed():
            if self._journal.unread:
                await self._learn()
            for group in self:
                group.notes.base = 0
        for group in self:
            if group.notes.base == 0:
                group.notes.renew()

    async def _shorten(self) -> None:
        """Remove what is useless; if that is not enough make more so, for the next time. In this
        order, since a journal that can't be shortened now must not grow instead.
        """
        groups = sorted(self, key=lambda group: group.notes.base)
        if self._long:
            await self._journal.shorten(groups[0].notes.base if groups else self._journal.end)
        if self._long:
            for group in groups[: len(groups) // 8 + 8]:
                group.notes.renew()

    @property
    def _long(self) -> bool:
        return self._journal.length > _SLACK + 4 * len(self._groups)


def _apply(read: dict[Name, _Read], seq: int, record: AnyRecord) -> None:
    name = name_of(record)
    if isinstance(record, Whole):
        read[name] = _Read(record.terms, restored(record), seq)
    elif isinstance(record, Deleted):
        read.pop(name, None)
    elif name in read:
        replay(read[name].state, record)
