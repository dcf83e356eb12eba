"""A client's subscriptions: joining them, joining them again, and routing what comes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from arqonbus.client.backoff import Backoff
from arqonbus.client.codec import ClientCodec, read
from arqonbus.client.connection import Connection
from arqonbus.client.errors import (
    AccessLostError,
    ClientError,
    ConnectionLostError,
    InvalidArgumentError,
    ProtocolViolationError,
)
from arqonbus.client.items import Access, Joined, Message, Moved, Position
from arqonbus.client.requests import Answer, Request, Requests, refused
from arqonbus.client.subscription import State, Subscription
from arqonbus.errors import ErrorCode
from arqonbus.protocol import outbound

Key = tuple[str, str]


@dataclass(slots=True, eq=False)
class _Entry:
    subscription: Subscription
    first: asyncio.Future[None]
    connection: Connection | None = None
    join_id: str = ""
    tries: int = 0


class Subscriptions:
    """By room and channel; one for each, since the server delivers once to a connection."""

    def __init__(
        self,
        requests: Requests,
        codec: ClientCodec,
        queue_size: int,
        *,
        pressure: Callable[[], None],
        backoff: Backoff,
    ) -> None:
        self._requests = requests
        self._codec = codec
        self._queue_size = queue_size
        self._pressure = pressure
        self._backoff = backoff
        self._entries: dict[Key, _Entry] = {}
        self._over = False

    def open(
        self, room: str, channel: str, since: Position | None
    ) -> tuple[Subscription, asyncio.Future[None]]:
        """A new subscription and the outcome of its first join.

        Raises:
            InvalidArgumentError: there is one already.
        """
        if (room, channel) in self._entries:
            raise InvalidArgumentError(f"{room}:{channel} is subscribed already by this client")
        subscription = Subscription(
            room,
            channel,
            since,
            queue_size=self._queue_size,
            on_room=self._pressure,
            on_close=self._leave,
        )
        first: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._entries[room, channel] = _Entry(subscription, first)
        return subscription, first

    def drop(self, subscription: Subscription) -> None:
        """Forget a subscription whose first join did not come about, and leave if it did."""
        entry = self._entries.pop((subscription.room, subscription.channel), None)
        subscription.end()
        if entry is None:
            return
        self._requests.forget(entry.join_id)
        unanswered = entry.first.cancelled() or not entry.first.done()
        if unanswered and entry.connection is not None:
            entry.connection.send(self._leave_frame(subscription, f"{entry.join_id}-leave"))

    def join(self, subscription: Subscription, connection: Connection, request_id: str) -> None:
        """Ask the server for everything after the last position that got here."""
        entry = self._entries[subscription.room, subscription.channel]
        entry.connection, entry.join_id = connection, request_id
        args: dict[str, object] = {"room": subscription.room, "channel": subscription.channel}
        since = subscription.resume_from
        if since is not None:
            args["since"] = {"epoch": since.epoch, "seq": since.seq}
        frame = {"type": "command", "id": request_id, "command": "join_channel", "args": args}
        request = Request(
            self._codec.encode(frame),
            answered=lambda answer: self._answered(entry, answer),
            failed=lambda error: self._join_lost(entry, error),
            resend=False,
            sends=1,
        )
        self._requests.add(request_id, request)
        connection.send(request.data)

    def join_all(self, connection: Connection, new_id: Callable[[], str]) -> None:
        """A new connection: every subscription that goes on is joined again."""
        for entry in tuple(self._entries.values()):
            if entry.subscription.state is State.ENDED:
                continue
            entry.subscription.rejoin()
            self.join(entry.subscription, connection, new_id())

    def message(self, message: Message) -> None:
        """Route a delivery; one of a channel that was just left is passed over."""
        entry = self._entries.get((message.room, message.channel))
        if entry is not None:
            entry.subscription.message(message)

    def gap(self, frame: outbound.Gap) -> None:
        """Route a gap.

        Raises:
            ProtocolViolationError: it names no positions.
        """
        entry = self._entries.get((frame.room, frame.channel))
        first, last = frame.payload.get("from_seq"), frame.payload.get("to_seq")
        if not isinstance(first, int) or not isinstance(last, int):
            raise ProtocolViolationError("a gap came without its positions")
        if entry is not None:
            reason = str(frame.payload.get("reason", ""))
            entry.subscription.gap(frame.epoch, first, last, reason)

    def moved(self, frame: outbound.Notice) -> None:
        """A stream goes on in another epoch.

        Raises:
            ProtocolViolationError: the notice does not say where.
        """
        moved = read(frame.payload, Moved)
        entry = self._entries.get((moved.room, moved.channel))
        if entry is not None:
            entry.subscription.moved(Position(moved.now.epoch, moved.now.seq))

    def taken_out(self, access: Access) -> None:
        """The server took this client out of a channel; a join under way has its own answer."""
        entry = self._entries.get((access.room, access.channel))
        if entry is not None and entry.subscription.state is State.LIVE:
            self._lost_access(entry)

    def _lost_access(self, entry: _Entry, why: str = "") -> None:
        room, channel = entry.subscription.room, entry.subscription.channel
        del self._entries[room, channel]
        entry.subscription.end(AccessLostError(room, channel, why=why))

    def failed(self, frame: outbound.Error) -> bool:
        """An error that names a join answered before: its replay broke off."""
        for entry in self._entries.values():
            if frame.request_id and entry.join_id == frame.request_id:
                self._refused(entry, frame)
                return True
        return False

    def full(self, *, stretched: bool) -> bool:
        """Whether reading should pause."""
        return any(e.subscription.full(stretched=stretched) for e in self._entries.values())

    def end_all(self, error: ClientError, *, quiet: bool) -> None:
        """The client ended; iterators only stop if `quiet`, joins under way fail in any case."""
        self._over = True
        for entry in self._entries.values():
            entry.subscription.end(None if quiet else error)
            if not entry.first.done():
                entry.first.set_exception(error)

    def _answered(self, entry: _Entry, answer: Answer) -> None:
        if isinstance(answer, outbound.Error):
            self._refused(entry, answer)
            return
        if not isinstance(answer, outbound.Response):
            raise ProtocolViolationError("a join was answered with a receipt")
        entry.subscription.joined(read(answer.payload, Joined))
        entry.tries = 0
        if not entry.first.done():
            entry.first.set_result(None)

    def _join_lost(self, entry: _Entry, error: ClientError) -> None:
        """The connection ended first: the next one joins again, unless the client ended."""
        if not isinstance(error, ConnectionLostError) and not entry.first.done():
            entry.first.set_exception(error)

    def _refused(self, entry: _Entry, frame: outbound.Error) -> None:
        error = refused(frame)
        if not entry.first.done():
            entry.first.set_exception(error)
        elif error.retryable:
            entry.subscription.rejoin()
            delay = max(self._backoff.delay(entry.tries, lambda: 1.0), error.retry_after or 0.0)
            entry.tries += 1
            asyncio.get_running_loop().call_later(
                delay, self._join_again, entry, entry.connection, f"{frame.request_id}-again"
            )
        elif error.code == ErrorCode.FORBIDDEN.value:
            self._lost_access(entry, error.message)
        else:
            entry.subscription.end(error)

    def _join_again(self, entry: _Entry, connection: Connection | None, request_id: str) -> None:
        """Unless a new connection joined meanwhile, or nobody wants it any more."""
        key = entry.subscription.room, entry.subscription.channel
        current = self._entries.get(key) is entry and entry.connection is connection
        if current and connection is not None and not connection.closed.done():
            self.join(entry.subscription, connection, request_id[-60:])

    async def _leave(self, subscription: Subscription) -> None:
        entry = self._entries.get((subscription.room, subscription.channel))
        if entry is None or entry.subscription is not subscription:
            return
        del self._entries[subscription.room, subscription.channel]
        connection = entry.connection
        if self._over or connection is None or connection.closed.done():
            return
        request_id = f"{entry.join_id}-leave"
        left: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        request = Request(
            self._leave_frame(subscription, request_id),
            # An error means that there is nothing to leave; a lost connection leaves everything.
            answered=lambda _answer: _done(left),
            failed=lambda _error: _done(left),
            resend=False,
            sends=1,
        )
        self._requests.add(request_id, request)
        connection.send(request.data)
        self._pressure()
        await left

    def _leave_frame(self, subscription: Subscription, request_id: str) -> bytes:
        args = {"room": subscription.room, "channel": subscription.channel}
        return self._codec.encode(
            {"type": "command", "id": request_id, "command": "leave_channel", "args": args}
        )


def _done(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
