"""Streams on a Redis or Valkey server, at the level that its settings are worth."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import structlog

from arqonbus.errors import StorageError
from arqonbus.model.address import Address
from arqonbus.model.capability import Capability
from arqonbus.model.durability import Durability
from arqonbus.model.ids import new_epoch
from arqonbus.model.stream import StreamInfo
from arqonbus.storage.interface import (
    Adopt,
    ChannelAppend,
    CommitResult,
    Lowered,
    OnCommit,
    Page,
    StoredKey,
    StreamLostError,
    UnusableStoreError,
)
from arqonbus.storage.redis.attest import Attestation
from arqonbus.storage.redis.catalogue import Catalogue
from arqonbus.storage.redis.connect import Access, Connector
from arqonbus.storage.redis.continuity import Continuity
from arqonbus.storage.redis.level import Level
from arqonbus.storage.redis.link import Command, Link
from arqonbus.storage.redis.options import RedisOptions
from arqonbus.storage.redis.owner import Keys, Owner
from arqonbus.storage.redis.owning import RENEW
from arqonbus.storage.redis.server import Server
from arqonbus.storage.redis.streams import CHUNK, Reader, arguments, lost
from arqonbus.storage.redis.target import Target
from arqonbus.storage.redis.trouble import ReplyError
from arqonbus.storage.redis.writes import AGE, APPEND, DROP, UNDO
from arqonbus.storage.retention import Retention

log = structlog.get_logger(__name__)

T = TypeVar("T")

_STORED, _LOST = 0, 1
# Answers to the look at all streams that no waiting mends.
_UNUSABLE = frozenset({"HOLE", "FOREIGN", "WRONGTYPE"})


class RedisStorage:
    """Implements `storage.interface.Storage`; a commit is one script in one round trip."""

    capabilities = frozenset(Capability)

    def __init__(
        self,
        target: Target,
        access: Access,
        retention: Retention,
        options: RedisOptions,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Say where the server is; nothing is connected yet."""
        keys = Keys(options.prefix)
        connector = Connector(target, access, keys.owner)
        self._target = target
        self._options = options
        self._retention = retention
        self._writing = Link(connector, timeout=options.timeout, size=1)
        self._reading = Link(connector, timeout=options.timeout, size=options.pool_size)
        self._owner = Owner(self._writing, keys, options.timeout)
        self._reader = Reader(self._reading, keys)
        self._level = Level(options.demanded, strict=options.strict)
        self._replicas = options.replicas if options.demanded == Durability.REPLICATED else 0
        self._server = Server(self._reading, self._replicas, options.attest_interval, clock)
        self._streams = Catalogue(self._owner, self._reader)
        self._continuity = Continuity(self._owner, target)
        self._surplus = 0
        # The level under which the bus hands in, until it is told of a lower one.
        self._told = options.demanded
        self._risen: Attestation | None = None
        self._problem: str | None = "not open"
        self._open = False
        self._commits: set[asyncio.Task[CommitResult]] = set()

    @property
    def durability(self) -> Durability:
        """See `Storage.durability`."""
        return self._level.reached

    async def open(self) -> Sequence[StreamInfo]:
        """See `Storage.open`."""
        found = await self._server.attest()
        self._level.take(found)
        self._check_level()
        shortfall = self._level.shortfall()
        if shortfall is not None:
            log.error("the store begins degraded", reason=shortfall)
        if self._target.kind in {"sentinel", "cluster"} and not self._replicas:
            log.warning(
                "a failover can lose what was acknowledged: demand storage.durability replicated"
            )
        try:
            await self._owner.claim()
            self._open = True
            infos = await self._streams.find()
        except ReplyError as error:
            if error.word in _UNUSABLE:
                raise UnusableStoreError(error.message, detail=error.detail) from error
            raise
        infos = await self._continued(infos)
        await self._continuity.note(self._server.run, found.level)
        self._problem = None
        return infos

    async def _continued(self, infos: list[StreamInfo]) -> list[StreamInfo]:
        if not await self._continuity.broken(self._server.run):
            return infos
        log.error("the server was started anew and may lack messages: all streams in new epochs")
        return [await self._streams.arrange(info.address, new_epoch(), "restart") for info in infos]

    async def close(self) -> None:
        """See `Storage.close`."""
        self._problem = self._problem or "closed"
        if self._commits:
            await asyncio.wait(self._commits)
        if self._open:
            self._open = False
            try:
                await self._owner.release()
            except StorageError as error:
                log.warning("the store could not be given up: its lease ends", reason=str(error))
        await self._writing.close()
        await self._reading.close()

    def append(self, batch: Sequence[ChannelAppend], on_commit: OnCommit) -> None:
        """See `Storage.append`."""
        loop = asyncio.get_running_loop()
        if not self._open:
            loop.call_soon(on_commit, StorageError("the store is closed"))
            return
        if self._risen is not None:
            self._level.take(self._risen)
            self._risen = None
        told, self._told = self._told, self.durability
        if self.durability < told:
            loop.call_soon(on_commit, Lowered(self.durability))
            return
        task = loop.create_task(self._commit(batch, self._level.falls))
        self._commits.add(task)
        # A callback of the task, since one that is cancelled may never begin to run.
        task.add_done_callback(lambda done: self._settle(done, on_commit))

    def _settle(self, task: asyncio.Task[CommitResult], on_commit: OnCommit) -> None:
        self._commits.discard(task)
        result: CommitResult
        try:
            result = task.result()
        except StorageError as error:
            result = error
        except asyncio.CancelledError:
            log.exception("a commit was cancelled")
            result = StorageError("the commit was cancelled")
        except Exception as error:
            log.exception("a commit failed")
            result = StorageError(f"the store failed: {type(error).__name__}")
        if isinstance(result, StorageError):
            self._problem = result.message
        elif not isinstance(result, Lowered):
            self._problem = None
        on_commit(result)

    async def _commit(self, batch: Sequence[ChannelAppend], falls: int) -> CommitResult:
        """Commit a batch at the level at which it was handed in, or not at all."""
        async with self._owner.lock:
            self._check_level()
            addresses = [item.address for item in batch]
            replies = await self._owner.run(
                APPEND, addresses, arguments(batch, self._retention), *self._wait()
            )
            results = [_refusal(item, code) for item, code in zip(batch, replies[0], strict=True)]
            stored = [i for i, refused in zip(batch, results, strict=True) if refused is None]
            if len(replies) > 1 and replies[1] < self._replicas:
                hold = not self._options.strict
                self._level.take(self._server.fell_short(replies[1], hold=hold))
            if self._level.falls != falls:
                await self._undo(stored)
                self._check_level()
                self._told = self.durability
                return Lowered(self.durability)
            for item in stored:
                self._streams.stored(item)
            return results

    def _check_level(self) -> None:
        refused = self._level.refusal()
        if refused is not None:
            raise StorageError(refused)

    def _wait(self) -> list[Command]:
        if self.durability < Durability.REPLICATED:
            return []
        # Half the time-out, so that the reply itself is not too late.
        return [("WAIT", self._replicas, int(self._options.timeout * 500))]

    async def _undo(self, stored: Sequence[ChannelAppend]) -> None:
        """Take back what was stored, so that nobody finds what is refused; should that fail, the
        next append does it.
        """
        if stored:
            addresses = [item.address for item in stored]
            await self._owner.run(UNDO, addresses, [item.after for item in stored])

    async def create(self, address: Address, epoch: str) -> StreamInfo:
        """See `Storage.create`."""
        return await self._streams.arrange(address, epoch, "create")

    async def restart(self, address: Address, epoch: str) -> StreamInfo:
        """See `Storage.restart`."""
        return await self._streams.arrange(address, epoch, "restart")

    async def delete(self, address: Address) -> bool:
        """See `Storage.delete`."""
        return await self._streams.delete(address)

    async def read(
        self, address: Address, *, after: int, through: int, limit: int, max_bytes: int
    ) -> Page | None:
        """See `Storage.read`."""
        return self._unless_lost(
            address, await self._reader.page(address, after, through, limit, max_bytes)
        )

    async def position_at(self, address: Address, timestamp: int) -> int | None:
        """See `Storage.position_at`."""
        return self._unless_lost(address, await self._reader.position_at(address, timestamp))

    async def newest_keys(self, address: Address, limit: int) -> Sequence[StoredKey]:
        """See `Storage.newest_keys`."""
        found = await self._reader.newest_keys(address, limit)
        return self._unless_lost(address, found) or ()

    def _unless_lost(self, address: Address, found: T | None) -> T | None:
        if found is None and address in self._streams.known:
            raise lost(address)
        return found

    async def drop(self, address: Address, through: int) -> None:
        """See `Storage.drop`."""
        async with self._owner.lock:
            await self._owner.run(DROP, (address,), (through,))

    async def trim(self, now: int) -> int:
        """See `Storage.trim`."""
        if self._retention.max_age is None:
            return 0
        oldest = now - int(self._retention.max_age * 1_000_000)
        bounded = [
            address for address in self._streams.known if not self._retention.spares(address)
        ]
        removed = 0
        for start in range(0, len(bounded), CHUNK):
            async with self._owner.lock:
                some = bounded[start : start + CHUNK]
                removed += (await self._owner.run(AGE, some, (oldest,)))[0]
        return removed

    async def probe(self, adopt: Adopt) -> None:
        """See `Storage.probe`."""
        if not self._open:
            return
        try:
            async with self._owner.lock:
                streams = (await self._owner.run(RENEW, (), ()))[0]
            found = await self._server.attest()
            await self._continuity.note(self._server.run, found.level)
            self._take(found)
            if self._server.suspect or streams - len(self._streams.known) != self._surplus:
                await self._streams.check(adopt)
                self._server.suspect = False
                self._surplus = streams - len(self._streams.known)
        except UnusableStoreError:
            raise
        except StorageError as error:
            self._problem = error.message
        else:
            self._problem = None

    def _take(self, found: Attestation) -> None:
        """A rise waits for the commit in flight, which began under less."""
        rises = found.level > self.durability and bool(self._commits)
        self._risen = found if rises else None
        if not rises:
            self._level.take(found)

    def problem(self) -> str | None:
        """See `Storage.problem`."""
        return self._owner.fenced or self._problem or self._level.refusal()

    def shortfall(self) -> str | None:
        """See `Storage.shortfall`."""
        return self._level.shortfall()


def _refusal(item: ChannelAppend, code: int) -> StorageError | None:
    if code == _STORED:
        return None
    if code == _LOST:
        return StreamLostError(f"{item.address}: the stream does not end at {item.after}")
    # Without its name: as the reason of degraded mode it is told to everybody.
    what = "a key of the stream holds a value of another type"
    return StorageError(what, detail=item.address.path)
