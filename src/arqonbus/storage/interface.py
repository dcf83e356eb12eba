"""What a store must do. Every channel is a stream: positions (`seq`) from 1, without holes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from arqonbus.errors import StorageError
from arqonbus.model.address import Address
from arqonbus.model.capability import Capability
from arqonbus.model.durability import Durability
from arqonbus.model.stream import StreamInfo


@dataclass(frozen=True, slots=True)
class ChannelAppend:
    """New messages of one channel in one commit, in order, at the positions from `after + 1` on.

    `epoch` is the stream's; a store that does not know the channel yet creates it with this epoch
    if `after` is 0. What a store holds beyond `after` comes from a commit that was refused because
    its outcome could not be known: it is removed in this commit.
    `timestamp` is the commit's time in microseconds since the Unix epoch, never less than that of
    the append before. Each body is an opaque, non-empty UTF-8 fragment. `keys` are the publish ids
    of those bodies that have one, by index, in the form in which `newest_keys` returns them.
    """

    address: Address
    epoch: str
    after: int
    timestamp: int
    bodies: Sequence[bytes]
    keys: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """One message read back: position, commit time (µs since the Unix epoch) and body."""

    seq: int
    timestamp: int
    body: bytes


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A message that was stored with a publish id."""

    seq: int
    key: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Page:
    """One read's result: consecutive messages, and the stream's state at the moment of reading.

    `more` says that messages of the asked range remain after the last one here.
    """

    messages: tuple[StoredMessage, ...]
    info: StreamInfo
    more: bool


@dataclass(frozen=True, slots=True)
class Lowered:
    """Nothing was stored, and what can be reached now is `durability`: the batch may be handed in
    again, without the messages that require more.
    """

    durability: Durability


class UnusableStoreError(StorageError):
    """The store is there but must not be used: another bus has it, it is damaged, or it holds what
    this bus does not understand. Waiting does not help, and going on without it would hide it.
    """


class StreamLostError(StorageError):
    """A stream that was stored is gone from the store, or lost its newest positions."""


# For each ChannelAppend, in order: None when it is stored at the level of `Storage.durability`, or
# why nothing of it is. One error or Lowered when that holds for all of them.
CommitResult = Sequence[StorageError | None] | StorageError | Lowered
OnCommit = Callable[[CommitResult], None]
# Takes streams that came into sight, or go on under another epoch.
Adopt = Callable[[Sequence[StreamInfo]], None]


class Storage(Protocol):
    """A store of streams. All methods are called on the event loop's thread.

    Retention (count, bytes, age per channel) is given when the store is built; it removes only from
    the old end, and nothing from the bus' own channels (`Retention.spares`).
    """

    @property
    def durability(self) -> Durability:
        """The level that each successful commit reaches at present. It falls only by `probe` or
        with a commit that says so (`Lowered`).
        """
        ...

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What this store can do beyond keeping streams while this process lives."""
        ...

    async def open(self) -> Sequence[StreamInfo]:
        """Open, check and lock the store; return all streams. After an error, `close` makes the
        store fit for another attempt.

        Raises:
            UnusableStoreError: it is damaged, another program's, or another process has it.
            StorageError: it can't be opened.
        """
        ...

    async def close(self) -> None:
        """Finish what was handed in, then release everything; idempotent."""
        ...

    def append(self, batch: Sequence[ChannelAppend], on_commit: OnCommit) -> None:
        """Commit the batch, each ChannelAppend all or nothing, then call `on_commit` once on the
        loop. A ChannelAppend whose stream is not in `epoch` or ends before `after` is refused with
        StreamLostError. Several of one stream follow each other in the batch.

        At most one append is in flight: the caller waits for `on_commit` before the next. A store
        that commits at once may call `on_commit` before it returns.
        """
        ...

    async def create(self, address: Address, epoch: str) -> StreamInfo:
        """Create an empty stream, or return the one that is there.

        Raises:
            StorageError: nothing was created.
        """
        ...

    async def restart(self, address: Address, epoch: str) -> StreamInfo:
        """Go on under a new epoch with what is still there of a stream, be it nothing.

        Raises:
            StorageError: nothing was changed.
        """
        ...

    async def delete(self, address: Address) -> bool:
        """Remove a stream with all its messages; False when there was none.

        Raises:
            StorageError: nothing was removed.
        """
        ...

    async def read(
        self, address: Address, *, after: int, through: int, limit: int, max_bytes: int
    ) -> Page | None:
        """Messages with ``after < seq <= through``, oldest first, at most `limit` and about
        `max_bytes` (at least one message if there is one); None for an unknown stream. If
        ``after + 1`` was removed by retention the page begins at the oldest message: compare with
        `info.first_seq`.

        Raises:
            StorageError: the store can't be read, or what it holds has a hole.
        """
        ...

    async def position_at(self, address: Address, timestamp: int) -> int | None:
        """The position before the first message with a commit time ``>= timestamp`` (µs), fit for
        `read(after=…)`; None for an unknown stream.

        Raises:
            StorageError: the store can't be read.
        """
        ...

    async def newest_keys(self, address: Address, limit: int) -> Sequence[StoredKey]:
        """The newest `limit` kept messages with a key, oldest first; none of an unknown stream.

        Raises:
            StorageError: the store can't be read.
        """
        ...

    async def drop(self, address: Address, through: int) -> None:
        """Remove the positions up to `through`, if they are there.

        Raises:
            StorageError: the store can't be reached.
        """
        ...

    async def trim(self, now: int) -> int:
        """Apply age retention as of `now` (µs); return how many messages went.

        Raises:
            StorageError: the store can't be reached; what was removed is a prefix all the same.
        """
        ...

    async def probe(self, adopt: Adopt) -> None:
        """Look at the store anew, called in short intervals: whether it takes messages, at which
        level, and whether it is still this bus' own. The outcome is what `problem` and
        `durability` say afterwards; `adopt` is called with streams that changed by themselves.

        Raises:
            UnusableStoreError: another bus took it over; `problem` says so for good.
        """
        ...

    def problem(self) -> str | None:
        """Why the store can't take messages at present, for `/ready`; None when it can."""
        ...

    def shortfall(self) -> str | None:
        """Why `durability` is less than what was demanded; None when it is not."""
        ...
