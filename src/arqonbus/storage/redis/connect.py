"""Connections to the primary: a server, or the one that Sentinels or a Cluster name."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from redis.asyncio import Connection, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.connection import AbstractConnection
from redis.crc import key_slot
from redis.exceptions import AuthenticationError, RedisError

from arqonbus.errors import StorageError
from arqonbus.storage.redis.target import Target
from arqonbus.storage.redis.trouble import refusal

Reply: TypeAlias = Any  # what a server says is known where it was asked


@dataclass(frozen=True, slots=True)
class Access:
    """Who the bus is to the server, and what it trusts."""

    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None


class Connector:
    """Makes connections to the primary and remembers which server that is until told to `forget`.

    `key` is any key of the store: its slot says which node of a Cluster is meant.
    """

    def __init__(self, target: Target, access: Access, key: str) -> None:
        self._target = target
        self._access = access
        self._slot = key_slot(key.encode())
        self._primary: tuple[str, int] | None = None
        self.generation = 0

    def forget(self) -> None:
        """Ask again who the primary is; connections of earlier generations are not used again."""
        self._primary = None
        self.generation += 1

    async def connect(self) -> AbstractConnection:
        """A new connection to the primary.

        Raises:
            RedisError, OSError: it can't be reached or refused.
            StorageError: nobody knows who it is.
        """
        if self._target.kind == "socket":
            return await _connected(
                UnixDomainSocketConnection(path=str(self._target.path), **self._common())
            )
        if self._primary is None:
            self._primary = await self._find()
        connection = await self._to(*self._primary)
        if self._target.kind == "sentinel":
            # Sentinels may still name a server that has stepped down (its clients' guideline).
            role = (await _ask(connection, "ROLE"))[0]
            if role != b"master":
                await connection.disconnect(nowait=True)
                self.forget()
                raise StorageError("the Redis server that the sentinels name is not a primary")
        return connection

    async def _to(self, host: str, port: int, *, bare: bool = False) -> AbstractConnection:
        """`bare`: without user and database, as Sentinels are asked."""
        options = self._common(bare=bare)
        if not self._target.tls:
            return await _connected(Connection(host=host, port=port, **options))
        access = self._access
        return await _connected(
            SSLConnection(
                host=host,
                port=port,
                ssl_ca_certs=_text(access.ca_file),
                ssl_certfile=_text(access.cert_file),
                ssl_keyfile=_text(access.key_file),
                ssl_min_version=ssl.TLSVersion.TLSv1_2,
                **options,
            )
        )

    def _common(self, *, bare: bool = False) -> dict[str, Any]:  # Any: the driver's keywords
        # The caller bounds the time of a whole exchange; RESP 2 has plain lists for all replies.
        options: dict[str, Any] = {  # Any: the driver's keywords
            "protocol": 2,
            "socket_timeout": None,
            "driver_info": None,
        }
        if not bare:
            options["db"] = self._target.db
            options["username"] = self._access.username
            options["password"] = self._access.password
        return options

    async def _find(self) -> tuple[str, int]:
        if self._target.kind == "server":
            return self._target.hosts[0]
        trouble = []
        for host, port in self._target.hosts:
            try:
                if self._target.kind == "sentinel":
                    return await self._ask_sentinel(host, port)
                return await self._ask_node(host, port)
            except (RedisError, OSError) as error:
                trouble.append(f"{host}:{port}: {refusal(error)}")
            except StorageError as error:
                trouble.append(f"{host}:{port}: {error}")
        raise StorageError("nobody knows the primary Redis server", detail="; ".join(trouble))

    async def _ask_sentinel(self, host: str, port: int) -> tuple[str, int]:
        connection = await self._to(host, port, bare=True)
        service = self._target.service
        try:
            found = await _ask(connection, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", service)
        except AuthenticationError as error:
            raise StorageError("the sentinel wants a password, which is not supported") from error
        finally:
            await connection.disconnect(nowait=True)
        if found is None:
            raise StorageError(f"the sentinel knows no service {service}")
        return found[0].decode(), int(found[1])

    async def _ask_node(self, host: str, port: int) -> tuple[str, int]:
        connection = await self._to(host, port)
        try:
            slots = await _ask(connection, "CLUSTER", "SLOTS")
        finally:
            await connection.disconnect(nowait=True)
        for first, last, primary, *_ in slots:
            if first <= self._slot <= last:
                # A node that does not know its own address leaves it out.
                return (primary[0] or b"").decode() or host, int(primary[1])
        raise StorageError(f"no node serves slot {self._slot}")


async def _connected(connection: AbstractConnection) -> AbstractConnection:
    try:
        await connection.connect()  # type: ignore[no-untyped-call] # the driver's
    except BaseException:
        # The driver leaves it half open when it is cancelled.
        await connection.disconnect(nowait=True)
        raise
    return connection


async def _ask(connection: AbstractConnection, *command: str) -> Reply:
    try:
        await connection.send_command(*command)
        return await connection.read_response()
    except BaseException:
        await connection.disconnect(nowait=True)
        raise


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
