"""The client: one connection at a time, kept up, with everything on it resumed."""

from __future__ import annotations

import asyncio
import logging
import random as random_module
import secrets
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from types import TracebackType
from typing import Any, Literal, Self, overload

from arqonbus.client.backoff import Backoff
from arqonbus.client.codec import ClientCodec, CodecName, read
from arqonbus.client.connection import Closure, Connection, Endpoint, connect
from arqonbus.client.errors import (
    ClientClosedError,
    ClientError,
    ConnectFailedError,
    ConnectionLostError,
    HandshakeRefusedError,
    InvalidArgumentError,
    ProtocolViolationError,
    PublishTimeoutError,
)
from arqonbus.client.inbox import Inbox
from arqonbus.client.items import Gap, HistoryPage, Message, Position, Receipt, message_of
from arqonbus.client.replay import PAGE, replay
from arqonbus.client.requests import Answer, Request, Requests, refused
from arqonbus.client.subscription import Subscription
from arqonbus.client.subscriptions import Subscriptions
from arqonbus.client.work import Work, Works
from arqonbus.model.ids import is_id
from arqonbus.protocol import outbound
from arqonbus.protocol.close import may_resume

Level = Literal["memory", "remote", "disk", "replicated"]
Token = str | Callable[[], str]
News = outbound.Notice | outbound.Error

log = logging.getLogger("arqonbus.client")


class Client:
    """A connection to a bus that survives the connection.

    Use it as an async context manager: entering connects once (and raises if that fails), leaving
    closes. After a lost connection it connects again with `backoff`, joins every subscription from
    the last position it got, and sends unreceipted publishes again under their ids.

    Attributes:
        client_id: what the server calls this connection; changes with every connection.
        durability: the level in force, as the server said last (welcome or notice).
        history_page: messages that `replay` and the archives ask for at a time, as many as the
            server allows.
        dedup_window: how many ids of a channel the server remembers, as the welcome said.
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
        self.client_id = ""
        self.durability = ""
        self.history_page = PAGE
        self.dedup_window = 0
        self._codec = ClientCodec(codec)
        self._endpoint = Endpoint(
            url=url,
            codec=self._codec,
            token=(lambda: token) if isinstance(token, str) else token,
            ssl_context=ssl_context,
            timeout=connect_timeout,
            ping_interval=ping_interval,
            ping_timeout=ping_timeout,
        )
        self._reconnect = reconnect
        self._backoff = backoff or Backoff()
        self._publish_timeout = publish_timeout
        self._command_timeout = command_timeout
        self._close_timeout = close_timeout
        self._inflight = asyncio.Semaphore(max_inflight)
        self._on_news = on_news or _log_news
        self._random = random
        self._requests = Requests()
        self._subscriptions = Subscriptions(
            self._requests, self._codec, queue_size, pressure=self._press, backoff=self._backoff
        )
        self._inbox = Inbox(queue_size, on_room=self._press)
        self._works = Works(self.command, self._backoff)
        self._connection: Connection | None = None
        self._connected = asyncio.Event()
        self._draining = False
        self._ended: ClientError | None = None
        self._supervisor: asyncio.Task[None] | None = None
        # Ids must differ from those of every other client: the server drops repeats by them.
        self._id_prefix = secrets.token_hex(8)
        self._id_count = 0

    async def __aenter__(self) -> Self:
        if self._supervisor is not None:
            raise InvalidArgumentError("a client connects once; make a new one")
        await self._open()
        self._supervisor = asyncio.create_task(self._supervise())
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
        if self._supervisor is not None:
            self._supervisor.cancel()
            await asyncio.wait((self._supervisor,))
        connection = self._connection
        self._end(ClientClosedError("the client was closed"))
        if connection is not None:
            await connection.close(self._close_timeout)

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
        return await self._send_message(fields, payload, qos, id)

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
        receipt = await self._send_message(fields, payload, 1, id, resend=False)
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
        await self._until_connected(self._command_timeout, "join_channel")
        subscription, joined = self._subscriptions.open(
            room, channel, None if since is None else Position(*since)
        )
        try:
            if self._connection is not None:
                self._subscriptions.join(subscription, self._connection, self._new_id())
            async with asyncio.timeout(self._command_timeout):
                await joined
        except BaseException:  # whatever ended the wait, nobody holds the subscription
            self._subscriptions.drop(subscription)
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
        self._check_open()
        work = self._works.open((room, channel, group), {"credits": credits, **settings})
        try:
            await work.first
        except BaseException:  # whatever ended the wait, nobody holds the worker
            work.end()
            raise
        return work

    def direct_messages(self) -> Inbox:
        """Messages that other clients send to this one, from now on; an async iterator.

        Without it they are counted in a warning of the log, and gone.
        """
        self._inbox.open()
        return self._inbox

    async def command(self, name: str, **args: object) -> Any:  # noqa: ANN401 - a JSON value
        """Run a command; its answer's payload.

        Raises:
            RefusedError: the server refused it.
            ConnectionLostError: the connection ended first; the outcome is unknown.
            TimeoutError: no answer in time.
        """
        async with asyncio.timeout(self._command_timeout):
            await self._until_connected(None, name)
            request_id = self._new_id()
            frame = {"type": "command", "id": request_id, "command": name, "args": args}
            answer = await self._ask(request_id, frame, resend=False)
        if not isinstance(answer, outbound.Response):
            raise ProtocolViolationError(f"{name} was answered with a receipt")
        return answer.payload

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

    async def _send_message(
        self,
        fields: Mapping[str, object],
        payload: object,
        qos: Literal[0, 1],
        message_id: str | None,
        *,
        resend: bool = True,
    ) -> Receipt | None:
        chosen = self._new_id() if message_id is None else message_id
        if not is_id(chosen):
            raise InvalidArgumentError("id: 1–64 of A-Z a-z 0-9 _ . : - are allowed")
        frame: dict[str, object] = {n: v for n, v in fields.items() if v is not None}
        frame |= {"type": "message", "id": chosen, "qos": qos, "payload": payload}
        sent = [0]
        try:
            async with asyncio.timeout(self._publish_timeout):
                if qos == 0:
                    await self._send_unreceipted(frame)
                    return None
                async with self._inflight:
                    if not resend:
                        await self._connected.wait()
                    answer = await self._ask(chosen, frame, resend=resend, sent=sent)
        except TimeoutError:
            raise PublishTimeoutError(chosen, sent=sent[0] > 0) from None
        if not isinstance(answer, outbound.Ack):
            raise ProtocolViolationError("a publish was answered with a response")
        return _receipt(answer, sent[0])

    async def _send_unreceipted(self, frame: dict[str, object]) -> None:
        data = self._codec.encode(frame)
        await self._until_connected(None, "publish")
        connection = self._connection
        if connection is None:
            raise ConnectionLostError(1006, "the connection broke")
        connection.send(data)
        await connection.drain()

    async def _ask(
        self,
        request_id: str,
        frame: Mapping[str, object],
        *,
        resend: bool,
        sent: list[int] | None = None,
    ) -> outbound.Ack | outbound.Response:
        """Send a request and wait for its answer; `sent` is told how often it was sent."""
        self._check_open()
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        request = Request(
            self._codec.encode(frame),
            answered=lambda got: _resolve(answer, got),
            failed=lambda error: _reject(answer, error),
            resend=resend,
        )
        self._requests.add(request_id, request)
        try:
            if self._connection is not None:
                request.sends += 1
                self._connection.send(request.data)
                self._press()
            got = await answer
        finally:
            self._requests.forget(request_id)
            if sent is not None:
                sent[0] = request.sends
            self._press()
        if isinstance(got, outbound.Error):
            raise refused(got)
        return got

    async def _until_connected(self, seconds: float | None, what: str) -> None:
        self._check_open()
        if not self._connected.is_set():
            try:
                async with asyncio.timeout(seconds):
                    await self._connected.wait()
            except TimeoutError:
                raise ConnectFailedError(f"{what}: not connected in time") from None
        self._check_open()

    def _check_open(self) -> None:
        if self._ended is not None:
            raise self._ended
        if self._supervisor is None:
            raise ClientClosedError("the client is not connected: use it with `async with`")

    def _new_id(self) -> str:
        self._id_count += 1
        return f"{self._id_prefix}-{self._id_count}"

    # --- the connection's life ---

    async def _open(self) -> None:
        # Before the first frame: a notice may come in one piece with the welcome.
        self._draining = False
        connection, welcome = await connect(self._endpoint, self._on_frame)
        self.client_id = str(welcome.payload.get("client_id", ""))
        self.durability = str(welcome.payload.get("durability", ""))
        limits = welcome.payload.get("limits", {})
        self.history_page = min(PAGE, limits.get("history_page", PAGE))
        self.dedup_window = limits.get("dedup_window", 0)
        self._connection = connection
        # Publishes first: their receipts need not wait behind what the joins replay.
        self._requests.send_again(connection.send)
        self._subscriptions.join_all(connection, self._new_id)
        self._connected.set()
        self._press()

    async def _supervise(self) -> None:
        loop = asyncio.get_running_loop()
        attempt = 0
        while self._connection is not None:
            began = loop.time()
            closure = await self._connection.closed
            self._connection = None
            self._connected.clear()
            self._works.broken()
            if not self._may_come_back(closure):
                self._end(closure.error or ConnectionLostError(closure.code, closure.reason))
                return
            lost = ConnectionLostError(closure.code, closure.reason)
            self._requests.connection_lost(lost)
            log.info("connection lost (%s), connecting again", lost)
            if loop.time() - began > self._backoff.limit:
                attempt = 0
            attempt = await self._come_back(attempt)

    def _may_come_back(self, closure: Closure) -> bool:
        return self._reconnect and closure.error is None and may_resume(closure.code)

    async def _come_back(self, attempt: int) -> int:
        """Connect again, however long it takes; the number of the next attempt."""
        while True:
            await asyncio.sleep(self._backoff.delay(attempt, self._random))
            attempt += 1
            try:
                await self._open()
            except (ConnectFailedError, ConnectionLostError) as error:
                if isinstance(error, ConnectionLostError) and not may_resume(error.code):
                    self._end(error)
                    return attempt
                log.info("attempt %d failed: %s", attempt, error)
            except HandshakeRefusedError as error:
                if not error.retryable:
                    self._end(error)
                    return attempt
                log.info("attempt %d failed: %s", attempt, error)
            except ClientError as error:
                self._end(error)
                return attempt
            else:
                return attempt

    def _end(self, error: ClientError) -> None:
        """For good: everything that waits is told why."""
        if self._ended is None:
            self._ended = error
        self._connection = None
        closed = isinstance(error, ClientClosedError)
        self._requests.fail_all(self._ended)
        self._subscriptions.end_all(error, quiet=closed)
        self._inbox.end(None if closed else error)
        self._works.end_all(error, quiet=closed)
        self._connected.set()

    # --- what the server sends ---

    def _on_frame(self, frame: outbound.ServerFrame) -> None:
        if isinstance(frame, outbound.Message):
            self._on_message(frame)
        elif isinstance(frame, (outbound.Ack, outbound.Response)):
            self._on_answer(frame)
        elif isinstance(frame, outbound.Error):
            self._on_error(frame)
        elif isinstance(frame, outbound.Task):
            self._works.task(frame)
        elif isinstance(frame, outbound.Gap):
            if not self._works.gap(frame):
                self._subscriptions.gap(frame)
        elif isinstance(frame, outbound.Notice):
            self._on_notice(frame)
        else:
            raise ProtocolViolationError("a second welcome")

    def _on_notice(self, frame: outbound.Notice) -> None:
        event = frame.payload.get("event")
        if event == "draining":
            self._draining = True
        elif event == "durability":
            self.durability = str(frame.payload.get("durability", ""))
        elif event == "stream":
            self._subscriptions.moved(frame)
        self._on_news(frame)

    def _on_message(self, frame: outbound.Message) -> None:
        if frame.to is not None:
            self._inbox.take(frame)
        else:
            self._subscriptions.message(message_of(frame))
        self._press()

    def _on_answer(self, frame: outbound.Ack | outbound.Response) -> None:
        if isinstance(frame, outbound.Response) and frame.sender is not None:
            # Another client wrote it: it must never pass for the server's answer.
            log.warning("a direct response of %s was not asked for", frame.sender)
            return
        self._requests.settle(frame)

    def _on_error(self, frame: outbound.Error) -> None:
        again = self._draining and self._reconnect and refused(frame).retryable
        if again and self._requests.keep(frame.request_id):
            return
        if self._requests.settle(frame) or self._subscriptions.failed(frame):
            return
        self._on_news(frame)

    def _press(self) -> None:
        """Read on only while every queue has room; an answer that is awaited stretches it."""
        connection = self._connection
        if connection is None:
            return
        waiting = len(self._requests) > 0
        if self._subscriptions.full(stretched=waiting) or self._inbox.full(stretched=waiting):
            connection.pause_reading()
        else:
            connection.resume_reading()


def _resolve(future: asyncio.Future[Answer], answer: Answer) -> None:
    if not future.done():
        future.set_result(answer)


def _reject(future: asyncio.Future[Answer], error: ClientError) -> None:
    if not future.done():
        future.set_exception(error)


def _receipt(ack: outbound.Ack, sends: int) -> Receipt:
    return Receipt(
        id=ack.request_id,
        durability=ack.durability,
        room=ack.room,
        channel=ack.channel,
        epoch=ack.epoch,
        seq=ack.seq,
        deliver_at=ack.deliver_at,
        sends=sends,
    )


def _log_news(news: News) -> None:
    if isinstance(news, outbound.Error):
        log.warning("the server refused something: %s: %s", news.error_code, news.error)
    else:
        log.info("notice: %s", news.payload)
