"""The client: what a program may ask of a bus."""

from __future__ import annotations

import asyncio
import random as random_module
import ssl
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import Any, Literal, Self, overload

from arqonbus.client.backoff import Backoff
from arqonbus.client.codec import ClientCodec, CodecName, read
from arqonbus.client.connection import Endpoint
from arqonbus.client.errors import ProtocolViolationError
from arqonbus.client.inbox import Inbox
from arqonbus.client.incoming import News
from arqonbus.client.items import Gap, HistoryPage, Message, Position, Receipt
from arqonbus.client.link import Link
from arqonbus.client.publishing import Publishing
from arqonbus.client.recovery import Recovery
from arqonbus.client.replay import PAGE, replay
from arqonbus.client.subscription import Subscription
from arqonbus.client.tokens import Credentials, Token
from arqonbus.client.work import Work

Level = Literal["memory", "remote", "disk", "replicated"]


class Client:
    """A connection to a bus that survives the connection.

    Use it as an async context manager: entering connects once (and raises if that fails), leaving
    closes. After a lost connection it connects again with `backoff`, joins every subscription from
    the last position it got, and sends unreceipted publishes again under their ids.

    `token` is a bearer token, or a function, async or not, that gives a fresh one each time it is
    called: then the client outlives its tokens.
    """

    def __init__(  # noqa: PLR0913 - settings, by name
        self,
        url: str,
        *,
        token: Token | None = None,
        codec: CodecName = "json",
        reconnect: bool = True,
        backoff: Backoff | None = None,
        connect_timeout: float = 10.0,
        token_timeout: float = 30.0,
        rate_limit_retries: int = 3,
        publish_timeout: float = 30.0,
        command_timeout: float = 30.0,
        close_timeout: float = 2.0,
        max_inflight: int = 256,
        queue_size: int = 1024,
        ping_interval: float = 20.0,
        ping_timeout: float = 20.0,
        ssl_context: ssl.SSLContext | None = None,
        on_news: Callable[[News], None] | None = None,
        random: Callable[[], float] = random_module.random,
    ) -> None:
        credentials = None if token is None else Credentials(token, connect_timeout)
        backoff = backoff or Backoff()
        endpoint = Endpoint(
            url=url,
            codec=ClientCodec(codec),
            credentials=credentials,
            ssl_context=ssl_context,
            timeout=connect_timeout,
            ping_interval=ping_interval,
            ping_timeout=ping_timeout,
        )
        self._command_timeout = command_timeout
        self._link = Link(
            endpoint,
            backoff=backoff,
            recovery=Recovery(
                backoff,
                random,
                reconnect=reconnect,
                renewable=credentials is not None and credentials.renewable,
                token_timeout=token_timeout,
            ),
            command_timeout=command_timeout,
            close_timeout=close_timeout,
            publish_timeout=publish_timeout,
            rate_limit_retries=rate_limit_retries,
            queue_size=queue_size,
            on_news=on_news,
            random=random,
        )
        self._publishing = Publishing(
            self._link, max_inflight=max_inflight, timeout=publish_timeout
        )

    @property
    def client_id(self) -> str:
        """What the server calls this connection; changes with every connection."""
        return self._link.client_id

    @property
    def history_page(self) -> int:
        """Messages that `replay` and the archives ask for at a time, as the server allows."""
        return min(PAGE, self._link.limits.get("history_page", PAGE))

    @property
    def dedup_window(self) -> int:
        """How many ids of a channel the server remembers, as the welcome said."""
        return self._link.limits.get("dedup_window", 0)

    @property
    def durability(self) -> str:
        """The level in force, as the server said last (welcome or notice)."""
        return self._link.incoming.durability

    async def __aenter__(self) -> Self:
        await self._link.begin()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection; what still waits raises `ClientClosedError`."""
        await self._link.close()

    @overload
    async def publish(
        self,
        room: str,
        channel: str,
        payload: object,
        *,
        qos: Literal[1] = 1,
        require: Level | None = None,
        id: str | None = None,
        timestamp: str | None = None,
        metadata: dict[str, Any] | None = None,
        deliver_at: str | None = None,
    ) -> Receipt: ...

    @overload
    async def publish(
        self,
        room: str,
        channel: str,
        payload: object,
        *,
        qos: Literal[0],
        require: Level | None = None,
        id: str | None = None,
        timestamp: str | None = None,
        metadata: dict[str, Any] | None = None,
        deliver_at: str | None = None,
    ) -> None: ...

    async def publish(  # noqa: PLR0913 - the envelope's fields, by name
        self,
        room: str,
        channel: str,
        payload: object,
        *,
        qos: Literal[0, 1] = 1,
        require: Level | None = None,
        id: str | None = None,  # noqa: A002 - the envelope's own name for it
        timestamp: str | None = None,
        metadata: dict[str, Any] | None = None,  # Any: a JSON object
        deliver_at: str | None = None,
    ) -> Receipt | None:
        """Publish to a channel; the receipt says where the message stands and how safe it is.

        `timestamp` (RFC 3339 in UTC, ending in Z) is the server's when left out. With `deliver_at`
        (the same form) the message is kept until then; its receipt has no position.

        With `qos` 0 there is no receipt and nothing is sent again: None means that the message
        was handed to the socket.

        Raises:
            RefusedError: the server refused it.
            PublishTimeoutError: no receipt in time.
            InvalidArgumentError: it can't be sent.
            ClientClosedError: the client ended.
        """
        fields = {
            "room": room,
            "channel": channel,
            "require": require,
            "timestamp": timestamp,
            "metadata": metadata,
            "deliver_at": deliver_at,
        }
        return await self._publishing.send(fields, payload, qos, id)

    async def send(
        self,
        to: str,
        payload: object,
        *,
        id: str | None = None,  # noqa: A002 - the envelope's own name for it
        metadata: dict[str, Any] | None = None,  # Any: a JSON object
    ) -> Receipt:
        """Send to one client; the receipt says that the server queued it for that connection.

        Not sent again after a lost connection: a direct message has no stream to find repeats in.

        Raises:
            ConnectionLostError: the connection ended first; the outcome is unknown.
            RefusedError: no such client is connected, or it can't take the message.
        """
        fields = {"to": to, "metadata": metadata}
        receipt = await self._publishing.send(fields, payload, 1, id, resend=False)
        if receipt is None:
            raise ProtocolViolationError("a receipt was lost")
        return receipt

    async def subscribe(
        self, room: str, channel: str, *, since: Position | tuple[str | None, int] | None = None
    ) -> Subscription:
        """Join a channel; with `since`, what was missed after that position comes first.

        Raises:
            RefusedError: the server refused the join.
            InvalidArgumentError: this client has joined the channel already.
        """
        link = self._link
        await link.until_connected(self._command_timeout, "join_channel")
        subscription, joined = link.subscriptions.open(
            room, channel, None if since is None else Position(*since)
        )
        try:
            if link.connection is not None:
                link.subscriptions.join(subscription, link.connection, link.new_id())
            async with asyncio.timeout(self._command_timeout):
                await joined
        except BaseException:  # whatever ended the wait, nobody holds the subscription
            link.subscriptions.drop(subscription)
            raise
        return subscription

    async def work(
        self,
        room: str,
        channel: str,
        group: str,
        *,
        credits: int = 16,  # noqa: A002 - the command's own name for it
        **settings: object,
    ) -> Work:
        """Be a worker of a consumer group, with up to `credits` tasks at a time.

        `settings` are those of `group.join` for a group that is not there yet: `start`,
        `visibility_timeout`, `max_attempts`, `dead_letter`.

        Raises:
            RefusedError: the server refused it.
            InvalidArgumentError: this client is a worker of the group already.
        """
        self._link.check_open()
        work = self._link.works.open((room, channel, group), {"credits": credits, **settings})
        try:
            await work.first
        except BaseException:  # whatever ended the wait, nobody holds the worker
            self._link.works.drop(work)
            raise
        return work

    def direct_messages(self) -> Inbox:
        """Messages that other clients send to this one, from now on; an async iterator.

        Without it they are counted in a warning of the log, and gone.
        """
        self._link.inbox.open()
        return self._link.inbox

    async def command(self, name: str, **args: object) -> Any:  # noqa: ANN401 - a JSON value
        """Run a command; its answer's payload.

        Raises:
            RefusedError: the server refused it.
            ConnectionLostError: the connection ended first; the outcome is unknown.
            TimeoutError: no answer in time.
        """
        return await self._link.command(name, **args)

    async def history(  # noqa: PLR0913 - the command's arguments, by name
        self,
        room: str,
        channel: str,
        *,
        after: int | None = None,
        epoch: str | None = None,
        limit: int | None = None,
        since_time: str | None = None,
        until_time: str | None = None,
    ) -> HistoryPage:
        """One page of a channel's past, in order; `next_after` is where the next page begins.

        With the `epoch` that `after` is a position of, the page is `unknown` if that is over.

        Raises:
            RefusedError: the server refused it.
        """
        given = {
            "after": after,
            "epoch": epoch,
            "limit": limit,
            "since_time": since_time,
            "until_time": until_time,
        }
        args = {name: value for name, value in given.items() if value is not None}
        answer = await self.command("history", room=room, channel=channel, **args)
        return read(answer, HistoryPage)

    def replay(
        self,
        room: str,
        channel: str,
        *,
        since: Position | tuple[str | None, int] = (None, 0),
        since_time: str | None = None,
        until_time: str | None = None,
    ) -> AsyncIterator[Message | Gap]:
        """All that a channel holds after a position, or of a time range, page by page in order.

        A `Gap` first names the positions that retention has removed. It ends at what was the newest
        message when it got there; `subscribe` goes on from there.

        Raises:
            StreamBrokenError: the stream of `since` is gone, or went while it was read.
            RefusedError: the server refused it.
        """
        begin: dict[str, Any] = {"since_time": since_time}  # Any: arguments of `history`, by name
        if since_time is None:
            begin = {"epoch": since[0], "after": since[1]}
        return replay(self.history, room, channel, begin, until_time, self.history_page)
