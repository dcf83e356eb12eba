"""Round trips to the primary: bounded in time and in number, and never repeated."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TypeAlias

import structlog
from hiredis import pack_command
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError

from arqonbus.errors import StorageError
from arqonbus.storage.redis.connect import Connector, Reply
from arqonbus.storage.redis.script import Script
from arqonbus.storage.redis.trouble import MOVED, ReplyError, code_of, refusal

log = structlog.get_logger(__name__)

Argument: TypeAlias = bytes | str | int
Command: TypeAlias = tuple[Argument, ...]


class Link:
    """At most `size` connections, each with one exchange at a time; more wait for their turn.

    A failed exchange is not tried again: whether the server carried it out is not known.
    """

    def __init__(self, connector: Connector, *, timeout: float, size: int) -> None:
        """`timeout` is in seconds, for a whole exchange."""
        self._connector = connector
        self._timeout = timeout
        self._turns = asyncio.Semaphore(size)
        self._idle: list[tuple[int, AbstractConnection]] = []

    async def close(self) -> None:
        """Close what is not in use; idempotent."""
        try:
            async with asyncio.timeout(self._timeout):
                while self._idle:
                    await self._idle.pop()[1].disconnect()
        except TimeoutError:
            log.warning("the Redis server did not see a connection off in time")
        # What was given up before is gone after a turn of the loop.
        await asyncio.sleep(0)

    async def call(self, *commands: Command) -> list[Reply]:
        """Send the commands at once; their replies.

        Raises:
            StorageError: no reply within the time-out, or an error reply (`ReplyError`).
        """
        replies = await self.ask(*commands)
        for reply in replies:
            if isinstance(reply, StorageError):
                raise reply
        return replies

    async def ask(self, *commands: Command) -> list[Reply]:
        """Like `call`, with error replies among the replies.

        Raises:
            StorageError: no reply within the time-out.
        """
        try:
            async with asyncio.timeout(self._timeout), self._turns:
                return await self._exchange(commands)
        except TimeoutError as error:
            self._connector.forget()
            raise StorageError(
                f"the Redis server did not answer within {self._timeout:g} s"
            ) from error
        except (RedisError, OSError) as error:
            self._connector.forget()
            raise refusal(error) from error

    async def run(
        self, script: Script, keys: Sequence[str], args: Sequence[Argument], *more: Command
    ) -> list[Reply]:
        """Run a script, and `more` commands behind it; the replies.

        Raises:
            StorageError: as of `call`.
        """
        rest = (len(keys), *keys, *args)
        replies = await self.ask(("EVALSHA", script.sha, *rest), *more)
        if isinstance(replies[0], ReplyError) and replies[0].word == "NOSCRIPT":
            # Nothing was run: the server does not know the script yet.
            replies = await self.ask(("EVAL", script.source, *rest), *more)
        for reply in replies:
            if isinstance(reply, StorageError):
                raise reply
        return replies

    async def _exchange(self, commands: Sequence[Command]) -> list[Reply]:
        generation, connection = await self._connection()
        try:
            packed = [pack_command(command) for command in commands]  # type: ignore[arg-type] # typed for 1-tuples only
            await connection.send_packed_command(b"".join(packed), check_health=False)
            replies = [await self._reply(connection) for _ in commands]
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        if generation == self._connector.generation:
            self._idle.append((generation, connection))
        else:
            await connection.disconnect(nowait=True)
        return replies

    async def _reply(self, connection: AbstractConnection) -> Reply:
        try:
            return await connection.read_response(disconnect_on_error=False)
        except RedisConnectionError:
            raise
        except ResponseError as error:
            if code_of(error) in MOVED:
                self._connector.forget()
            return refusal(error)

    async def _connection(self) -> tuple[int, AbstractConnection]:
        while self._idle:
            generation, connection = self._idle.pop()
            # What can be read while nothing was asked is the end of the connection, or garbage.
            if generation == self._connector.generation and not await connection.can_read():
                return generation, connection
            await connection.disconnect(nowait=True)
        generation = self._connector.generation
        return generation, await self._connector.connect()
