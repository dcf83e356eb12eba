"""One channel's stream as a client sees it: in order, once, with everything missed told."""

from __future__ import annotations

import asyncio
import enum
from collections import deque
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from arqonbus.client.errors import ClientError, StreamBrokenError
from arqonbus.client.items import Gap, Joined, Lost, Message, Position

Item = Message | Gap | Lost
# While an answer is awaited, reading must go on to reach it, up to this many queues' worth.
_STRETCH = 4


class State(enum.Enum):
    """Where a subscription stands."""

    JOINING = enum.auto()
    LIVE = enum.auto()
    ENDED = enum.auto()


class Subscription:
    """An async iterator of `Message`, `Gap` and `Lost`; made by `Client.subscribe`.

    It ends when closed, and raises when the stream can't go on: the items before it come first.
    Also an async context manager that closes it.
    """

    def __init__(  # noqa: PLR0913 - the whole wiring, done once in Subscriptions.open
        self,
        room: str,
        channel: str,
        since: Position | None,
        *,
        queue_size: int,
        on_room: Callable[[], None],
        on_close: Callable[[Subscription], Awaitable[None]],
    ) -> None:
        self.room = room
        self.channel = channel
        self.state = State.JOINING
        self._received = since
        self._handed = since
        # What still comes of an epoch that is over was told with its end.
        self._over: set[str] = set()
        self._items: deque[Item] = deque()
        self._queue_size = queue_size
        self._on_room = on_room
        self._on_close = on_close
        self._error: ClientError | None = None
        self._wake = asyncio.Event()

    @property
    def position(self) -> Position | None:
        """The last position handed out: `subscribe(since=…)` with it goes on behind it."""
        return self._handed

    @property
    def resume_from(self) -> Position | None:
        """The last position that reached this process; None before the first join."""
        return self._received

    @property
    def queued(self) -> int:
        """Items that wait to be taken."""
        return len(self._items)

    def full(self, *, stretched: bool) -> bool:
        """Whether reading should pause for this subscription."""
        return self.state is not State.ENDED and len(self._items) >= self._queue_size * (
            _STRETCH if stretched else 1
        )

    def rejoin(self) -> None:
        """A new connection: nothing counts before the join's answer."""
        if self.state is not State.ENDED:
            self.state = State.JOINING

    def joined(self, answer: Joined) -> None:
        """The join's answer; messages follow it."""
        since, now = self._received, Position(answer.epoch, answer.seq)
        self.state = State.LIVE
        if since is None:
            self._received = self._handed = now
        elif answer.recovered in ("complete", "truncated"):
            self._received = Position(answer.epoch, since.seq)
            if answer.first_seq is not None and answer.first_seq > since.seq + 1:
                self._skip(since.seq + 1, answer.first_seq - 1, "retention")
        else:
            self._received = now
            self._put(Lost(room=self.room, channel=self.channel, since=since, now=now))

    def message(self, message: Message) -> None:
        """A delivery: repeats are passed over, a hole ends the subscription."""
        if self.state is not State.LIVE or self._received is None:
            return
        if message.epoch in self._over:
            return
        if message.epoch != self._received.epoch:
            self._break(f"epoch changed from {self._received.epoch} to {message.epoch}")
        elif message.seq > self._received.seq + 1:
            self._break(f"position {message.seq} came after {self._received.seq}")
        elif message.seq == self._received.seq + 1:
            self._received = message.position
            self._put(message)

    def moved(self, now: Position) -> None:
        """The stream goes on after `now`, in another epoch."""
        since = self._received
        if self.state is not State.LIVE or since is None or now.epoch == since.epoch:
            return
        self._over.add(since.epoch or "")
        self._over.discard(now.epoch or "")
        self._received = now
        self._put(Lost(room=self.room, channel=self.channel, since=since, now=now))

    def gap(self, epoch: str, first: int, last: int, reason: str) -> None:
        """Positions that will not come; what was told before is not told again."""
        if self.state is not State.LIVE or self._received is None:
            return
        if epoch in self._over:
            return
        if epoch != self._received.epoch:
            self._break(f"a gap named epoch {epoch}, the stream's is {self._received.epoch}")
        elif first > self._received.seq + 1:
            self._break(f"a gap from {first} came after {self._received.seq}")
        elif last > self._received.seq:
            self._skip(self._received.seq + 1, last, reason)

    def end(self, error: ClientError | None = None) -> None:
        """No more items will come; `error` is raised after those that wait."""
        if self.state is not State.ENDED:
            self.state = State.ENDED
            self._error = error
            self._wake.set()

    async def close(self) -> None:
        """Leave the channel; items that wait are dropped."""
        self._items.clear()
        self._on_room()
        await self._on_close(self)
        self.end()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> Item:
        while not self._items:
            if self.state is State.ENDED:
                if self._error is not None:
                    raise self._error
                raise StopAsyncIteration
            self._wake.clear()
            await self._wake.wait()
        item = self._items.popleft()
        if len(self._items) <= self._queue_size // 2:
            self._on_room()
        self._handed = _after(item)
        return item

    def _skip(self, first: int, last: int, reason: str) -> None:
        epoch = (self._received or Position(None, 0)).epoch or ""
        self._received = Position(epoch, last)
        self._put(
            Gap(
                room=self.room,
                channel=self.channel,
                epoch=epoch,
                from_seq=first,
                to_seq=last,
                reason=reason,
            )
        )

    def _put(self, item: Item) -> None:
        self._items.append(item)
        self._wake.set()

    def _break(self, what: str) -> None:
        self.end(StreamBrokenError(f"{self.room}:{self.channel}: {what}, and no gap was told"))


def _after(item: Item) -> Position:
    if isinstance(item, Message):
        return item.position
    return item.now if isinstance(item, Lost) else Position(item.epoch, item.to_seq)
