"""A worker of a consumer group: tasks come one by one, and each is settled or comes again."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, Literal, Protocol, Self

import msgspec

from arqonbus.client.backoff import Backoff
from arqonbus.client.errors import (
    AccessLostError,
    ClientError,
    ConnectFailedError,
    ConnectionLostError,
    InvalidArgumentError,
    RefusedError,
)
from arqonbus.errors import ErrorCode
from arqonbus.protocol import outbound

Key = tuple[str, str, str]
Settle = Literal["ack", "nack"]
# What the server takes in one command.
_AT_ONCE = 1000

log = logging.getLogger("arqonbus.client")


class Run(Protocol):
    """Runs a command; see `Client.command`."""

    def __call__(self, name: str, **args: object) -> Awaitable[Any]:  # Any: a JSON value
        """Run a command; its answer's payload."""
        ...


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """A message that this worker is to deal with before `deadline`; `attempt` counts from 1."""

    room: str
    channel: str
    group: str
    epoch: str
    seq: int
    id: str
    sender: str
    timestamp: str
    durability: str
    attempt: int
    deadline: str
    payload: Any  # Any: a JSON value
    metadata: dict[str, Any] | None  # Any: a JSON object
    inspection: outbound.Inspection | None
    work: Work

    async def ack(self) -> str:
        """It is done and comes never again: the durability with which the server noted that.

        Raises:
            RefusedError: with CONFLICT the time was up and others have it.
            ConnectionLostError: the outcome is unknown; the task may come again.
        """
        return await self.work.settle(self)

    async def nack(self, delay: float = 0.0) -> str:
        """Somebody is to do it again, after `delay` seconds at the earliest; as `ack`."""
        return await self.work.give_back(self, delay)


class Work:
    """An async iterator of `Task`, made by `Client.work`; also an async context manager.

    It joins again after a lost connection: what this worker had then comes again, here or at
    another one. `lost` counts messages that retention took before the group had them.
    """

    def __init__(
        self,
        key: Key,
        join: Mapping[str, object],
        run: Run,
        *,
        backoff: Backoff,
        on_close: Callable[[Key], None],
    ) -> None:
        self.lost = 0
        self.first: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._names = dict(zip(("room", "channel", "group"), key, strict=True))
        self._key = key
        self._join = join
        self._run = run
        self._backoff = backoff
        self._on_close = on_close
        self._tasks: deque[Task] = deque()
        self._wake = asyncio.Event()
        self._broken = asyncio.Event()
        self._ended = False
        self._error: ClientError | None = None
        self._acks: deque[tuple[Task, asyncio.Future[str]]] = deque()
        self._acking: asyncio.Task[None] | None = None
        self._joining = asyncio.create_task(self._keep_joined())

    # --- what the program does ---

    async def settle(self, task: Task) -> str:
        """See `Task.ack`: what is acknowledged while an answer is awaited goes out together."""
        told: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._acks.append((task, told))
        if self._acking is None or self._acking.done():
            self._acking = asyncio.create_task(self._send_acks())
        return await told

    async def give_back(self, task: Task, delay: float) -> str:
        """See `Task.nack`."""
        answer = await self._run(
            "group.nack", **self._names, epoch=task.epoch, seqs=[task.seq], delay=delay
        )
        _check(task, answer)
        return str(answer["durability"])

    async def close(self) -> None:
        """Leave: what is not settled goes to the others."""
        if not self._ended:
            self.end()
            await self.leave()

    async def leave(self) -> None:
        """Have the server hand out nothing more to this connection."""
        try:
            await self._run("group.leave", **self._names)
        except (ClientError, TimeoutError) as error:
            log.info("leaving a group: %s", error)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __aiter__(self) -> Work:
        return self

    async def __anext__(self) -> Task:
        while not self._tasks:
            if self._ended:
                if self._error is not None:
                    raise self._error
                raise StopAsyncIteration
            self._wake.clear()
            await self._wake.wait()
        return self._tasks.popleft()

    # --- what the client tells ---

    def take(self, frame: outbound.Task) -> None:
        """A task came."""
        fields = {name: getattr(frame, name) for name in frame.__struct_fields__}
        del fields["version"]
        self._tasks.append(Task(**fields, work=self))
        self._wake.set()

    def gap(self, first: int, last: int) -> None:
        """The group lost positions."""
        self.lost += last - first + 1
        log.warning("group %s lost positions %d to %d to retention", self._key[2], first, last)

    def broken(self) -> None:
        """The connection is gone, and with it what was not handed out yet."""
        self._tasks.clear()
        self._broken.set()

    def end(self, error: ClientError | None = None) -> None:
        """No more tasks will come, and those that wait are not this worker's any more; `error` is
        raised.
        """
        if self._ended:
            return
        self._ended, self._error = True, error
        self._tasks.clear()
        self._joining.cancel()
        self._on_close(self._key)
        self._wake.set()
        if not self.first.done():
            self.first.set_exception(error or InvalidArgumentError("closed before it had joined"))

    # --- within ---

    async def _keep_joined(self) -> None:
        tries = 0
        while True:
            self._broken.clear()
            try:
                await self._run("group.join", **self._names, **self._join)
            except (ConnectionLostError, ConnectFailedError):
                continue  # the next try waits for a connection
            except TimeoutError:
                await self.leave()  # the answer may come yet, and must not stand in the way
                continue
            except RefusedError as error:
                if not error.retryable or not self.first.done():
                    self.end(self._final(error))
                    return
                wait = max(self._backoff.delay(tries, lambda: 1.0), error.retry_after or 0.0)
                await asyncio.sleep(wait)
                tries += 1
                continue
            except ClientError as error:
                self.end(error)
                return
            tries = 0
            if not self.first.done():
                self.first.set_result(None)
            await self._broken.wait()

    def _final(self, error: RefusedError) -> ClientError:
        if self.first.done() and error.code == ErrorCode.FORBIDDEN.value:
            return AccessLostError(*self._key, why=error.message)
        return error

    async def _send_acks(self) -> None:
        while self._acks:
            epoch = self._acks[0][0].epoch
            batch: list[tuple[Task, asyncio.Future[str]]] = []
            while self._acks and self._acks[0][0].epoch == epoch and len(batch) < _AT_ONCE:
                batch.append(self._acks.popleft())
            seqs = [task.seq for task, _ in batch]
            try:
                answer = await self._run("group.ack", **self._names, epoch=epoch, seqs=seqs)
            except (ClientError, TimeoutError) as error:
                for _, told in batch:
                    if not told.done():
                        told.set_exception(error)
                continue
            for task, told in batch:
                _tell(task, told, answer)


def _tell(task: Task, told: asyncio.Future[str], answer: Mapping[str, Any]) -> None:
    """What one task's ack came to; Any: a JSON object's values."""
    if told.done():
        return
    try:
        _check(task, answer)
    except RefusedError as error:
        told.set_exception(error)
    else:
        told.set_result(str(answer["durability"]))


def _check(task: Task, answer: Mapping[str, Any]) -> None:
    """Refuse what was not noted for this task; Any: a JSON object's values."""
    if task.seq in answer["refused"]:
        what = f"this worker does not hold {task.seq} any more: the time was up"
        raise RefusedError("CONFLICT", what, retryable=False)
