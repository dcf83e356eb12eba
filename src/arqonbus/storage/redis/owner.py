"""The only way to change the store: as its owner, one script at a time."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable, Sequence

import structlog

from arqonbus.model.address import Address
from arqonbus.storage.interface import UnusableStoreError
from arqonbus.storage.redis.connect import Reply
from arqonbus.storage.redis.holder import describe, lives, this_process
from arqonbus.storage.redis.link import Argument, Command, Link
from arqonbus.storage.redis.owning import CLAIM, RELEASE
from arqonbus.storage.redis.script import Script
from arqonbus.storage.redis.trouble import ReplyError

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 0.5


class Keys:
    """The names of a store's keys; the braces put them all into one slot of a Cluster."""

    def __init__(self, prefix: str) -> None:
        self.owner = f"{{{prefix}}}:owner"
        self.index = f"{{{prefix}}}:streams"
        self._meta = f"{{{prefix}}}:meta:"
        self.stream = f"{{{prefix}}}:stream:"

    def of(self, addresses: Iterable[Address]) -> list[str]:
        """Meta and stream of each."""
        keys = []
        for address in addresses:
            keys += [f"{self._meta}{address.path}", f"{self.stream}{address.path}"]
        return keys


class Owner:
    """This bus as the owner of a store, by a token that nobody else has.

    `lock` is held by whoever runs scripts: what belongs together is then not divided.
    """

    def __init__(self, link: Link, keys: Keys, timeout: float) -> None:
        self.lock = asyncio.Lock()
        self.fenced: str | None = None
        self._link = link
        self._keys = keys
        # Refreshed with every script, at least once a second: three of those may fail.
        self._lease = int(3000 * (timeout + 1))
        self._token = secrets.token_hex(16)
        self._holder = this_process()
        self._turn = 0

    async def claim(self) -> None:
        """Take the store, from a bus that died if need be.

        Raises:
            UnusableStoreError: another bus has it.
            StorageError: the server can't be asked.
        """
        dead, seen = "", None
        while held := (await self.run(CLAIM, (), (dead,)))[0]:
            token, holder, until, left = (part.decode() for part in held)
            alive = lives(holder)
            if alive is False:
                log.warning("taking the store over from a bus that died", holder=describe(holder))
                dead = token
                continue
            if alive or (seen is not None and seen != (token, until)):
                raise UnusableStoreError(f"another bus has this store: {describe(holder)}")
            log.warning(
                "waiting for another bus to give up the store, or to be given up",
                holder=describe(holder),
                seconds=int(left) / 1000,
            )
            seen = token, until
            await asyncio.sleep(min(_LOOK_SECONDS, int(left) / 1000))

    async def release(self) -> None:
        """Let the next bus have the store at once.

        Raises:
            StorageError: the server can't be asked; the next bus has to wait.
        """
        async with self.lock:
            await self.run(RELEASE, (), ())

    async def run(
        self,
        script: Script,
        streams: Sequence[Address],
        args: Sequence[Argument],
        *more: Command,
    ) -> list[Reply]:
        """Run a script, and `more` behind it, while the caller has the lock.

        Raises:
            UnusableStoreError: another bus took over this store.
            StorageError: it was not run, or nobody knows whether it was.
        """
        if self.fenced is not None:
            raise UnusableStoreError(self.fenced)
        self._turn += 1
        keys = [self._keys.owner, self._keys.index, *self._keys.of(streams)]
        head = (self._token, self._holder, self._lease, self._turn)
        try:
            return await self._link.run(script, keys, [*head, *args], *more)
        except ReplyError as error:
            if error.word == "FENCED":
                self.fenced = error.message
                log.error("another bus took over this store", reason=str(error))  # noqa: TRY400 - the reason says all
                raise UnusableStoreError(error.message) from error
            raise
