"""A client's workers, and what comes for them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from arqonbus.client.backoff import Backoff
from arqonbus.client.errors import AccessLostError, ClientError, InvalidArgumentError
from arqonbus.client.items import Access
from arqonbus.client.work import Key, Run, Work
from arqonbus.protocol import outbound


class Works:
    """By room, channel and group; one for each, since a connection joins a group once."""

    def __init__(self, run: Run, backoff: Backoff) -> None:
        self._run = run
        self._backoff = backoff
        self._works: dict[Key, Work] = {}
        self._leaving: set[asyncio.Task[None]] = set()

    def open(self, key: Key, join: Mapping[str, object]) -> Work:
        """A new worker, whose `first` is the outcome of its first join.

        Raises:
            InvalidArgumentError: there is one already.
        """
        if key in self._works:
            raise InvalidArgumentError(f"group {key[2]} is joined already by this client")
        work = Work(key, join, self._run, backoff=self._backoff, on_close=self._forget)
        self._works[key] = work
        return work

    def drop(self, work: Work) -> None:
        """End a worker whose first join did not come about, and leave if it is still to come:
        what it were handed out would be nobody's until its time was up.
        """
        work.end()
        if work.first.cancelled():
            leaving = asyncio.create_task(work.leave())
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)

    def task(self, frame: outbound.Task) -> None:
        """Route a task; one of a group that was just left is passed over, others will get it."""
        work = self._works.get((frame.room, frame.channel, frame.group))
        if work is not None:
            work.take(frame)

    def gap(self, frame: outbound.Gap) -> bool:
        """Whether the gap is one of a group; then it is routed."""
        group, payload = frame.payload.get("group"), frame.payload
        work = self._works.get((frame.room, frame.channel, str(group)))
        if work is not None and group is not None:
            work.gap(int(payload["from_seq"]), int(payload["to_seq"]))
        return group is not None

    def taken_out(self, access: Access) -> None:
        """The server took this client out of a group."""
        work = self._works.get((access.room, access.channel, str(access.group)))
        if work is not None and work.first.done():
            work.end(AccessLostError(access.room, access.channel, access.group))

    def broken(self) -> None:
        """The connection is gone."""
        for work in self._works.values():
            work.broken()

    def end_all(self, error: ClientError, *, quiet: bool) -> None:
        """The client ended; iterators only stop if `quiet`."""
        for work in tuple(self._works.values()):
            work.end(None if quiet else error)

    def _forget(self, key: Key) -> None:
        self._works.pop(key, None)
