"""Direct messages to this client."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable

from arqonbus.client.errors import ClientError
from arqonbus.client.items import Direct
from arqonbus.protocol import outbound

_STRETCH = 4

log = logging.getLogger("arqonbus.client")


class Inbox:
    """An async iterator of `Direct`. Direct messages have no positions and are never repeated:
    what is sent while this client is not connected is refused to its sender.
    """

    def __init__(self, queue_size: int, *, on_room: Callable[[], None]) -> None:
        self._items: deque[Direct] = deque()
        self._queue_size = queue_size
        self._on_room = on_room
        self._open = False
        self._ended = False
        self._error: ClientError | None = None
        self._wake = asyncio.Event()

    def open(self) -> None:
        """Keep what comes from now on."""
        self._open = True

    def take(self, frame: outbound.Message) -> None:
        """One direct message."""
        if not self._open:
            log.warning("a direct message of %s was dropped: nobody reads them", frame.sender)
            return
        self._items.append(
            Direct(
                id=frame.id,
                sender=frame.sender,
                timestamp=frame.timestamp,
                payload=frame.payload,
                metadata=frame.metadata,
                inspection=frame.inspection,
            )
        )
        self._wake.set()

    def full(self, *, stretched: bool) -> bool:
        """Whether reading should pause."""
        return len(self._items) >= self._queue_size * (_STRETCH if stretched else 1)

    def end(self, error: ClientError | None) -> None:
        """No more will come."""
        self._ended = True
        self._error = error
        self._wake.set()

    def __aiter__(self) -> Inbox:
        return self

    async def __anext__(self) -> Direct:
        while not self._items:
            if self._ended:
                if self._error is not None:
                    raise self._error
                raise StopAsyncIteration
            self._wake.clear()
            await self._wake.wait()
        item = self._items.popleft()
        if len(self._items) <= self._queue_size // 2:
            self._on_room()
        return item
