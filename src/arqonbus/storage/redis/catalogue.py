"""The streams that this bus knows, and what is done when one is not what it was."""

from __future__ import annotations

import structlog

from arqonbus.errors import StorageError
from arqonbus.model.address import Address
from arqonbus.model.ids import new_epoch
from arqonbus.model.stream import StreamInfo
from arqonbus.storage.interface import Adopt, ChannelAppend
from arqonbus.storage.redis.connect import Reply
from arqonbus.storage.redis.owner import Owner
from arqonbus.storage.redis.streams import Reader, info_of
from arqonbus.storage.redis.writes import DELETE, SETTLE

log = structlog.get_logger(__name__)


class Catalogue:
    """`known`: of each stream its epoch and the newest position that was confirmed."""

    def __init__(self, owner: Owner, reader: Reader) -> None:
        self.known: dict[Address, tuple[str, int]] = {}
        self._owner = owner
        self._reader = reader

    def stored(self, item: ChannelAppend) -> None:
        """An append was confirmed."""
        self.known[item.address] = item.epoch, item.after + len(item.bodies)

    async def arrange(self, address: Address, epoch: str, mode: str) -> StreamInfo:
        """Run `SETTLE`, which says what the modes are.

        Raises:
            StorageError: nothing was changed.
        """
        async with self._owner.lock:
            reply = (await self._owner.run(SETTLE, (address,), (address.path, epoch, mode)))[0]
            return self._arranged(address, reply)

    def _arranged(self, address: Address, reply: Reply) -> StreamInfo:
        info = info_of(address, reply)
        gone = int(reply[-1])
        if gone:
            log.error("messages before a hole were given up", channel=address.path, messages=gone)
        self.known[address] = info.epoch, info.last_seq
        return info

    async def delete(self, address: Address) -> bool:
        """See `Storage.delete`."""
        async with self._owner.lock:
            # First, so that nobody who looks meanwhile takes it for lost.
            known = self.known.pop(address, None)
            try:
                return bool((await self._owner.run(DELETE, (address,), (address.path,)))[0])
            except StorageError:
                if known is not None:
                    self.known[address] = known
                raise

    async def find(self) -> list[StreamInfo]:
        """All streams of the store; what is left of one that is not whole is in a new epoch.

        Raises:
            StorageError: one has holes, or holds what no bus wrote.
        """
        addresses = sorted(await self._reader.index())
        sound = await self._reader.look(addresses)
        for address in addresses:
            info = sound.get(address)
            if info is None:
                log.error("a stream is not whole: it goes on in a new epoch", channel=address.path)
                sound[address] = await self.arrange(address, new_epoch(), "whole")
            else:
                self.known[address] = info.epoch, info.last_seq
        return list(sound.values())

    async def check(self, adopt: Adopt) -> None:
        """Go on with what is left of those that are not what they were.

        Raises:
            StorageError: with one of them that is not possible.
        """
        before = dict(self.known)
        sound = await self._reader.look(list(before))
        trouble: StorageError | None = None
        for address, (epoch, last) in before.items():
            info = sound.get(address)
            if info is None or info.epoch != epoch or info.last_seq < last:
                try:
                    await self._mend(address, adopt)
                except StorageError as error:
                    trouble = error
        if trouble is not None:
            raise trouble

    async def _mend(self, address: Address, adopt: Adopt) -> None:
        async with self._owner.lock:
            known = self.known.get(address)
            if known is None:
                return
            # The script looks once more: it may have been deleted or restarted meanwhile.
            args = (address.path, new_epoch(), "check", *known)
            reply = (await self._owner.run(SETTLE, (address,), args))[0]
            if reply is not None:
                log.error("a stream was lost", channel=address.path)
                adopt([self._arranged(address, reply)])
