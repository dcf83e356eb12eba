"""What memory took while the store was away, in the order in which it came."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

from arqonbus.errors import StorageError
from arqonbus.model.address import Address
from arqonbus.model.stream import StreamInfo
from arqonbus.storage.chunks import Stream
from arqonbus.storage.interface import ChannelAppend, StreamLostError

# One append to the primary holds about as much as one of the bus'.
_MESSAGES = 1024
_BYTES = 1024 * 1024


class Buffer:
    """The newest part of each stream that got messages or was created meanwhile.

    What leaves it was written; the rest of a stream begins right behind what the primary holds.
    """

    def __init__(self, max_bytes: int) -> None:
        self.streams: dict[Address, Stream] = {}
        self._max_bytes = max_bytes
        self._size = 0
        self._order: deque[Address] = deque()
        self._refused_size = 0

    @property
    def appends(self) -> int:
        """How many appends wait to be written."""
        return len(self._order)

    @property
    def full(self) -> bool:
        """Whether there still is no room for what was refused last."""
        return self._size + self._refused_size > self._max_bytes

    def counts(self) -> Mapping[Address, int]:
        """How many messages of each stream are here."""
        return {
            address: stream.last_seq - stream.first_seq + 1
            for address, stream in self.streams.items()
            if stream.chunks
        }

    def take(self, batch: Sequence[ChannelAppend]) -> Sequence[StorageError | None] | StorageError:
        """Keep new messages if there is room for all of them."""
        size = sum(sum(map(len, item.bodies)) for item in batch)
        self._refused_size = size if self._size + size > self._max_bytes else 0
        if self._refused_size:
            return StorageError("the store is away, and the buffer of degraded mode is full")
        return [self._take(item) for item in batch]

    def _take(self, item: ChannelAppend) -> StreamLostError | None:
        stream = self.begun(item.address, item.epoch, item.after)
        if (stream.epoch, stream.last_seq) != (item.epoch, item.after):
            return StreamLostError(f"{item.address}: the stream does not end at {item.after}")
        before = stream.size
        stream.append(item)
        self._size += stream.size - before
        self._order.append(item.address)
        return None

    def begun(self, address: Address, epoch: str, after: int) -> Stream:
        """The part of this stream that is here; it begins behind `after` if there is none yet."""
        return self.streams.setdefault(address, Stream(epoch, after + 1, after))

    def next_batch(self) -> list[ChannelAppend]:
        """The oldest appends, as many as one append to the primary may hold."""
        batch: list[ChannelAppend] = []
        index: dict[Address, int] = {}
        messages = size = 0
        for address in self._order:
            stream, at = self.streams[address], index.get(address, 0)
            chunk = stream.chunks[at]
            messages += len(chunk.bodies)
            size += chunk.size
            if batch and (messages > _MESSAGES or size > _BYTES):
                break
            index[address] = at + 1
            after = chunk.first_seq - 1
            batch.append(
                ChannelAppend(
                    address, stream.epoch, after, chunk.timestamp, chunk.bodies, chunk.keys
                )
            )
        return batch

    def written(
        self, batch: Sequence[ChannelAppend], results: Sequence[StorageError | None]
    ) -> None:
        """Let go of what was stored of the last `next_batch`."""
        counts: dict[Address, int] = {}
        kept: list[Address] = []
        for item, error in zip(batch, results, strict=True):
            address, stream = item.address, self.streams[item.address]
            count = counts.get(address, 0)
            # A stream that was moved meanwhile is written anew: twice rather than never.
            if error or (stream.epoch, stream.first_seq + count) != (item.epoch, item.after + 1):
                kept.append(address)
            else:
                counts[address] = count + len(item.bodies)
            self._order.popleft()
        self._order.extendleft(reversed(kept))
        for address, count in counts.items():
            self._drop(address, count)

    def _drop(self, address: Address, count: int) -> None:
        stream = self.streams[address]
        before = stream.size
        stream.drop(count)
        self._size -= before - stream.size
        if not stream.chunks:
            del self.streams[address]

    def discard(self, address: Address) -> None:
        """Forget a stream with all that is here of it."""
        self._size -= self.streams.pop(address).size
        self._order = deque(other for other in self._order if other != address)

    def clear(self) -> None:
        """Forget everything."""
        self.streams.clear()
        self._order.clear()
        self._size = self._refused_size = 0

    def behind(self, info: StreamInfo) -> StreamInfo:
        """A stream of the primary with what is here of it, which is moved behind what the primary
        holds if that is in another epoch.
        """
        stream = self.streams.get(info.address)
        if stream is None:
            return info
        if stream.epoch != info.epoch:
            stream.move(info.epoch, info.last_seq, info.last_timestamp)
        return joined(info, stream)


def joined(info: StreamInfo, newest: Stream) -> StreamInfo:
    """What the primary says of a stream, with its newest part."""
    return StreamInfo(
        info.address,
        newest.epoch,
        min(info.first_seq, newest.first_seq),
        newest.last_seq,
        info.size + newest.size,
        max(info.last_timestamp, newest.last_timestamp),
    )
