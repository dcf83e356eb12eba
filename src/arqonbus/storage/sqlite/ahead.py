"""What the journal holds and the tables do not have yet. All on the event loop's thread."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

import structlog

from arqonbus.errors import StorageError
from arqonbus.model.address import Address
from arqonbus.storage.interface import ChannelAppend, Page, StoredMessage
from arqonbus.storage.sqlite.journal import Batch

log = structlog.get_logger(__name__)

Apply = Callable[[int, list[Batch]], Awaitable[None]]


@dataclass(slots=True, eq=False)
class Half:
    """One generation: its batches, their size in the journal, and whose they are."""

    generation: int
    batches: list[Batch] = field(default_factory=list)
    size: int = 0
    addresses: set[Address] = field(default_factory=set)
    # A record was refused: whether the disk has it is not known, until the tables say that this
    # generation is over.
    spoiled: bool = False


class Ahead:
    """Gathers what was journaled and has it applied to the tables, one half at a time."""

    def __init__(self, generation: int, size: int, apply: Apply) -> None:
        """Begin after `generation`, the last one that the tables hold; `size` is a half's."""
        self._apply = apply
        self._size = size
        # Many messages in one transaction cost the tables a fraction each; more would fill the
        # other half.
        self._enough = size // 4
        self._half = Half(generation + 1)
        self._applying: Half | None = None
        self._task: asyncio.Task[None] | None = None
        self._writing = False
        self._wanted = 0
        self._waiting: list[asyncio.Future[None]] = []
        # Why the tables did not take what the journal holds.
        self.failure: StorageError | None = None

    @property
    def generation(self) -> int:
        """Of the half that takes records."""
        return self._half.generation

    def room(self, size: int) -> int | None:
        """The offset for a record of this size, which is under way until `written` or `refused`
        is called; None if it has to wait for the tables.
        """
        half, applying = self._half, self._applying
        # Nothing behind a spoiled half: should the disk have no record of it, the next generation
        # would look like one with a gap before it.
        spoiled = half.spoiled or (applying is not None and applying.spoiled)
        if self.failure is not None or spoiled or half.size + size > self._size:
            return None
        self._writing = True
        return half.size

    def written(self, batch: Batch, size: int) -> None:
        """The record is on the disk."""
        half = self._half
        half.batches.append(batch)
        half.size += size
        half.addresses.update(item.address for item in batch)
        self._ended(half)

    def refused(self) -> None:
        """The record may be on the disk or not."""
        self._half.spoiled = True
        self._ended(self._half)

    def _ended(self, half: Half) -> None:
        self._writing = False
        if half.spoiled or half.size > self._enough:
            self._wanted = half.generation
        self._turn()

    def holds(self, address: Address) -> bool:
        """Whether the tables lack messages of this stream."""
        applying = self._applying
        return address in self._half.addresses or (
            applying is not None and address in applying.addresses
        )

    async def drained(self) -> None:
        """Wait until the tables have all that was journaled before.

        Raises:
            StorageError: they refused.
        """
        half = self._half if self._half.batches or self._half.spoiled else self._applying
        if half is None:
            return
        self._wanted = max(self._wanted, half.generation)
        while half is self._half or half is self._applying:
            self.failure = None
            future = asyncio.get_running_loop().create_future()
            self._waiting.append(future)
            self._turn()
            await future
            if self.failure is not None:
                raise self.failure

    def waiting(self, address: Address) -> list[ChannelAppend]:
        """What of this stream the tables lack."""
        halves = [half for half in (self._applying, self._half) if half is not None]
        batches = [batch for half in halves for batch in half.batches]
        return [item for batch in batches for item in batch if item.address == address]

    def _turn(self) -> None:
        """Hand a half to the tables, if it is time and they are free."""
        if self._task is not None or self.failure is not None:
            return
        if self._applying is None:
            if self._writing or self._half.generation > self._wanted:
                return
            self._applying, self._half = self._half, Half(self._half.generation + 1)
        self._task = asyncio.create_task(self._put(self._applying))

    async def _put(self, half: Half) -> None:
        failure: StorageError | None = None
        try:
            await self._apply(half.generation, half.batches)
        except StorageError as error:
            failure = error
        except Exception as error:
            log.exception("the journal can't be put into the tables")
            failure = StorageError(f"the store failed: {type(error).__name__}")
        self._applied(failure)

    def _applied(self, failure: StorageError | None) -> None:
        """The tables took a half, or why not: whoever waits for them is told."""
        self.failure = failure
        if failure is None:
            self._applying = None
        self._task = None
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)
        self._turn()


def extended(  # noqa: PLR0913, PLR0917 - `Storage.read` and what it goes on with
    page: Page,
    waiting: Sequence[ChannelAppend],
    after: int,
    through: int,
    limit: int,
    max_bytes: int,
) -> Page:
    """A page of the tables, going on with what they lack."""
    info, messages = page.info, list(page.messages)
    room = max_bytes - sum(len(message.body) for message in messages)
    full = page.more or len(messages) >= limit
    for item in waiting:
        for seq, body in enumerate(item.bodies, item.after + 1):
            if seq <= info.last_seq or item.epoch != info.epoch:
                continue
            info = replace(
                info, last_seq=seq, size=info.size + len(body), last_timestamp=item.timestamp
            )
            full = full or len(messages) >= limit or (bool(messages) and room < len(body))
            if after < seq <= through and not full:
                messages.append(StoredMessage(seq, item.timestamp, body))
                room -= len(body)
    last = messages[-1].seq if messages else max(after, info.first_seq - 1)
    return Page(tuple(messages), info, more=last < min(through, info.last_seq))
