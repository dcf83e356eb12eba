"""A stream, or the newest part of one, in this process' memory."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from arqonbus.model.address import Address
from arqonbus.model.stream import StreamInfo
from arqonbus.storage.interface import ChannelAppend, StoredKey, StoredMessage
from arqonbus.storage.retention import Retention


@dataclass(slots=True)
class Chunk:
    """What one append brought: appending costs the same for one message and for many."""

    first_seq: int
    timestamp: int
    bodies: Sequence[bytes]
    keys: Mapping[int, str]
    size: int

    def without(self, count: int) -> Chunk:
        """The rest when the first `count` messages are gone."""
        gone = sum(map(len, self.bodies[:count]))
        keys = {index - count: key for index, key in self.keys.items() if index >= count}
        return Chunk(
            self.first_seq + count, self.timestamp, self.bodies[count:], keys, self.size - gone
        )


@dataclass(slots=True)
class Stream:
    """Consecutive messages from `first_seq` to `last_seq`."""

    epoch: str
    first_seq: int = 1
    last_seq: int = 0
    size: int = 0
    last_timestamp: int = 0
    chunks: list[Chunk] = field(default_factory=list)

    def append(self, item: ChannelAppend) -> None:
        """Take new messages at the end, whatever `item.after` says."""
        size = sum(map(len, item.bodies))
        chunk = Chunk(self.last_seq + 1, item.timestamp, item.bodies, item.keys, size)
        self.chunks.append(chunk)
        self.last_seq += len(item.bodies)
        self.size += size
        self.last_timestamp = item.timestamp

    def apply(self, retention: Retention) -> None:
        """Remove from the old end what is beyond count and bytes; always in whole messages."""
        surplus = self.last_seq - self.first_seq + 1 - retention.max_messages
        if surplus > 0:
            self.drop(surplus)
        while self.size > retention.max_bytes and self.first_seq <= self.last_seq:
            chunk = self.chunks[0]
            excess, count = self.size - retention.max_bytes, 0
            for body in chunk.bodies:
                if excess <= 0:
                    break
                excess -= len(body)
                count += 1
            self.drop(count)

    def drop(self, count: int) -> None:
        """Remove the oldest `count` messages."""
        self.first_seq += count
        whole = 0
        for chunk in self.chunks:
            if count < len(chunk.bodies):
                break
            count -= len(chunk.bodies)
            self.size -= chunk.size
            whole += 1
        del self.chunks[:whole]
        if count:
            chunk = self.chunks[0]
            self.chunks[0] = rest = chunk.without(count)
            self.size -= chunk.size - rest.size

    def move(self, epoch: str, after: int, timestamp: int) -> None:
        """Have the same messages in another epoch, behind `after` and no older than `timestamp`."""
        shift = after + 1 - self.first_seq
        self.epoch = epoch
        self.first_seq += shift
        self.last_seq += shift
        self.last_timestamp = max(self.last_timestamp, timestamp)
        for chunk in self.chunks:
            chunk.first_seq += shift
            chunk.timestamp = max(chunk.timestamp, timestamp)

    def older_than(self, timestamp: int) -> int:
        """How many messages have a commit time before `timestamp`."""
        at = bisect_left(self.chunks, timestamp, key=lambda chunk: chunk.timestamp)
        return (self.chunks[at].first_seq if at < len(self.chunks) else self.last_seq + 1) - (
            self.first_seq
        )

    def read(
        self, *, after: int, through: int, limit: int, max_bytes: int
    ) -> tuple[tuple[StoredMessage, ...], bool]:
        """Messages as `Storage.read` gives them, and whether some of the range remain."""
        messages: list[StoredMessage] = []
        size = 0
        start = max(0, bisect_right(self.chunks, after, key=lambda c: c.first_seq) - 1)
        for chunk in self.chunks[start:]:
            for seq, body in enumerate(chunk.bodies, chunk.first_seq):
                if seq <= after:
                    continue
                if seq > through:
                    return tuple(messages), False
                if len(messages) == limit or (messages and size + len(body) > max_bytes):
                    return tuple(messages), True
                messages.append(StoredMessage(seq, chunk.timestamp, body))
                size += len(body)
        return tuple(messages), False

    def newest_keys(self, limit: int) -> list[StoredKey]:
        """The newest messages with a key, oldest first."""
        found = (
            StoredKey(chunk.first_seq + index, chunk.keys[index], chunk.bodies[index])
            for chunk in reversed(self.chunks)
            for index in sorted(chunk.keys, reverse=True)
        )
        return list(islice(found, limit))[::-1]

    def info(self, address: Address) -> StreamInfo:
        """The state, as if this were the whole stream."""
        return StreamInfo(
            address, self.epoch, self.first_seq, self.last_seq, self.size, self.last_timestamp
        )
