"""The connection's life: one at a time, kept up, with everything on it resumed."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from arqonbus.client.backoff import Backoff
from arqonbus.client.connection import Connection, Endpoint, connect
from arqonbus.client.errors import (
    ClientClosedError,
    ClientError,
    ConnectFailedError,
    HandshakeRefusedError,
    InvalidArgumentError,
    ProtocolViolationError,
    RefusedError,
    lost,
)
from arqonbus.client.inbox import Inbox
from arqonbus.client.incoming import Incoming, News
from arqonbus.client.pacing import Pacing
from arqonbus.client.recovery import Recovery
from arqonbus.client.requests import Answer, Lane, Request, Requests, refused
from arqonbus.client.subscriptions import Subscriptions
from arqonbus.client.tokens import Renewal
from arqonbus.client.works import Works
from arqonbus.protocol import outbound

log = logging.getLogger("arqonbus.client")


@dataclass(slots=True)
class Course:
    """How a request went: how often it was sent, and why it is not under way at the moment."""

    sends: int = 0
    refused: RefusedError | None = None


class Link:
    """Sends requests and waits for their answers, over whatever connection there is."""

    def __init__(  # noqa: PLR0913 - the client's settings, by name
        self,
        endpoint: Endpoint,
        *,
        backoff: Backoff,
        recovery: Recovery,
        command_timeout: float,
        close_timeout: float,
        publish_timeout: float,
        rate_limit_retries: int,
        queue_size: int,
        on_news: Callable[[News], None] | None,
        random: Callable[[], float],
    ) -> None:
        self.client_id = ""
        self.limits: dict[str, int] = {}
        self.codec = endpoint.codec
        self.connection: Connection | None = None
        self.connected = asyncio.Event()
        self.requests = Requests()
        self.subscriptions = Subscriptions(
            self.requests, self.codec, queue_size, pressure=self.press, backoff=backoff
        )
        self.inbox = Inbox(queue_size, on_room=self.press)
        self.works = Works(self.command, backoff)
        self.pacing = Pacing(self.requests, rate_limit_retries, publish_timeout, self._send)
        self._renewal = Renewal(endpoint.credentials, self.command, backoff, random)
        self.incoming = Incoming(
            self.requests,
            self.subscriptions,
            self.inbox,
            self.works,
            self.pacing,
            self._renewal,
            on_news=on_news,
            pressure=self.press,
            reconnect=recovery.reconnect,
        )
        self._endpoint = endpoint
        self._backoff = backoff
        self._recovery = recovery
        self._command_timeout = command_timeout
        self._close_timeout = close_timeout
        self._ended: ClientError | None = None
        self._supervisor: asyncio.Task[None] | None = None
        # Ids must differ from those of every other client: the server drops repeats by them.
        self._id_prefix = secrets.token_hex(8)
        self._id_count = 0

    def new_id(self) -> str:
        """An id for a request, unlike all others."""
        self._id_count += 1
        return f"{self._id_prefix}-{self._id_count}"

    # --- requests ---

    async def command(self, name: str, **args: object) -> Any:  # noqa: ANN401 - a JSON value
        """See `Client.command`."""
        async with asyncio.timeout(self._command_timeout):
            await self.until_connected(None, name)
            request_id = self.new_id()
            frame = {"type": "command", "id": request_id, "command": name, "args": args}
            answer = await self.ask(request_id, frame)
        if not isinstance(answer, outbound.Response):
            raise ProtocolViolationError(f"{name} was answered with a receipt")
        return answer.payload

    async def ask(
        self,
        request_id: str,
        frame: Mapping[str, object],
        *,
        lane: Lane | None = None,
        course: Course | None = None,
    ) -> outbound.Ack | outbound.Response:
        """Send a request and wait for its answer.

        With a `lane` it may be sent again, in the order of that channel; `course` is told how it
        went, whatever the outcome.
        """
        self.check_open()
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        request = Request(
            self.codec.encode(frame),
            answered=lambda got: _resolve(answer, got),
            failed=lambda error: _reject(answer, error),
            resend=lane is not None,
            lane=lane,
        )
        self.requests.add(request_id, request)
        try:
            if not self.pacing.holds(request):
                self._send(request)
            got = await answer
        finally:
            self.requests.forget(request_id)
            if course is not None:
                course.sends, course.refused = request.sends, request.refused
            self.pacing.look(lane)
            self.press()
        if isinstance(got, outbound.Error):
            raise refused(got)
        return got

    def _send(self, request: Request) -> None:
        """Send it, unless the next connection will."""
        if self.connection is not None:
            request.sends += 1
            self.connection.send(request.data)
            self.press()

    async def until_connected(self, seconds: float | None, what: str) -> None:
        """Wait for a connection.

        Raises:
            ConnectFailedError: there is none after so many seconds.
            ClientError: why there will never be one again.
        """
        self.check_open()
        if not self.connected.is_set():
            try:
                async with asyncio.timeout(seconds):
                    await self.connected.wait()
            except TimeoutError:
                raise ConnectFailedError(f"{what}: not connected in time") from None
        self.check_open()

    def check_open(self) -> None:
        """Refuse what can't be asked before the beginning and after the end.

        Raises:
            ClientError: why.
        """
        if self._ended is not None:
            raise self._ended
        if self._supervisor is None:
            raise ClientClosedError("the client is not connected: use it with `async with`")

    def press(self) -> None:
        """Read on only while every queue has room; an answer that is awaited stretches it."""
        if self.connection is None:
            return
        waiting = len(self.requests) > 0
        if self.subscriptions.full(stretched=waiting) or self.inbox.full(stretched=waiting):
            self.connection.pause_reading()
        else:
            self.connection.resume_reading()

    # --- life ---

    async def begin(self) -> None:
        """Connect, and keep connected from now on.

        Raises:
            ClientError: the first connection could not be had, or this is not the first one.
        """
        if self._supervisor is not None:
            raise InvalidArgumentError("a client connects once; make a new one")
        await self._first()
        self._supervisor = asyncio.create_task(self._supervise())

    async def close(self) -> None:
        """See `Client.close`."""
        if self._supervisor is not None:
            self._supervisor.cancel()
            await asyncio.wait((self._supervisor,))
        connection = self.connection
        self._end(ClientClosedError("the client was closed"))
        if connection is not None:
            await connection.close(self._close_timeout)

    async def _first(self) -> None:
        """Connect; a refusal that may pass is tried again within the time of one attempt."""
        loop, attempt = asyncio.get_running_loop(), 0
        deadline = loop.time() + self._endpoint.timeout
        while True:
            try:
                await self._open()
            except HandshakeRefusedError as error:
                wait = self._recovery.wait(attempt, error)
                if not error.retryable or loop.time() + wait > deadline:
                    raise
                attempt += 1
                await asyncio.sleep(wait)
            else:
                return

    async def _open(self) -> None:
        # Before the first frame: a notice may come in one piece with the welcome.
        self.incoming.draining = False
        connection, welcome = await connect(self._endpoint, self.incoming.take)
        self.client_id = str(welcome.payload.get("client_id", ""))
        self.incoming.durability = str(welcome.payload.get("durability", ""))
        self.limits = welcome.payload.get("limits", {})
        self.connection = connection
        self._recovery.connected()
        # Publishes first: their receipts need not wait behind what the joins replay.
        self.requests.send_again(connection.send)
        self.subscriptions.join_all(connection, self.new_id)
        self.connected.set()
        self.press()

    async def _supervise(self) -> None:
        loop = asyncio.get_running_loop()
        attempt = 0
        while self.connection is not None:
            began = loop.time()
            closure = await self.connection.closed
            self.connection = None
            self.connected.clear()
            self.works.broken()
            self._renewal.stop()
            error = lost(closure.code, closure.reason)
            if not self._recovery.after(closure):
                self._end(closure.error or error)
                return
            self.pacing.broken()
            self.requests.connection_lost(error)
            log.info("connection lost (%s), connecting again", error)
            if loop.time() - began > self._backoff.limit:
                attempt = 0
            attempt = await self._come_back(attempt)

    async def _come_back(self, attempt: int) -> int:
        """Connect again, however long it takes; the number of the next attempt."""
        failed: ClientError | None = None
        while True:
            await asyncio.sleep(self._recovery.wait(attempt, failed))
            attempt += 1
            try:
                await self._open()
            except ClientError as error:
                failed = error
                if not self._recovery.passes(error):
                    self._end(error)
                    return attempt
                log.info("attempt %d failed: %s", attempt, error)
            else:
                return attempt

    def _end(self, error: ClientError) -> None:
        """For good: everything that waits is told why."""
        if self._ended is None:
            self._ended = error
        self.connection = None
        self._renewal.stop()
        self.pacing.stop()
        closed = isinstance(error, ClientClosedError)
        self.requests.fail_all(self._ended)
        self.subscriptions.end_all(error, quiet=closed)
        self.inbox.end(None if closed else error)
        self.works.end_all(error, quiet=closed)
        self.connected.set()


def _resolve(future: asyncio.Future[Answer], answer: Answer) -> None:
    if not future.done():
        future.set_result(answer)


def _reject(future: asyncio.Future[Answer], error: ClientError) -> None:
    if not future.done():
        future.set_exception(error)
