"""Tokens: where they come from, and another one in good time before one ends."""

from __future__ import annotations

import asyncio
import inspect
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from arqonbus.client.backoff import Backoff
from arqonbus.client.errors import (
    ClientError,
    ConnectFailedError,
    ConnectionLostError,
    InvalidArgumentError,
    RefusedError,
    TokenProviderError,
)
from arqonbus.errors import ErrorCode

TokenProvider = Callable[[], str | Awaitable[str]]
Token = str | TokenProvider

# The b64token of RFC 6750, section 2.1: nothing that could end a header's line.
_BEARER: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")
# Refusals of auth.refresh that no other token changes.
_FINAL: Final = frozenset({ErrorCode.CONFLICT.value, ErrorCode.UNKNOWN_COMMAND.value})

log = logging.getLogger("arqonbus.client")


class Credentials:
    """A token, or a program that gives a fresh one each time it is asked."""

    def __init__(self, token: Token, timeout: float) -> None:
        if isinstance(token, str) and not _is_bearer(token):
            raise InvalidArgumentError("token: no bearer token (RFC 6750); it is not shown here")
        self._token = token
        self._timeout = timeout

    @property
    def renewable(self) -> bool:
        """Whether the next token may be another one."""
        return not isinstance(self._token, str)

    async def token(self) -> str:
        """The token to present now.

        Raises:
            TokenProviderError: there is none.
        """
        if isinstance(self._token, str):
            return self._token
        try:
            async with asyncio.timeout(self._timeout):
                given = self._token()
                # A program may break the promise of its type.
                token: object = await given if inspect.isawaitable(given) else given
        except TimeoutError as error:
            raise TokenProviderError("the token provider gave none in time") from error
        except Exception as error:
            # Its own text may hold what must not be logged; it is the cause for whoever debugs.
            raise TokenProviderError(
                f"the token provider failed: {type(error).__name__}"
            ) from error
        if not isinstance(token, str) or not _is_bearer(token):
            raise TokenProviderError("the token provider gave no bearer token (RFC 6750)")
        return token


class Renewal:
    """Refreshes the token of the present connection when the server says that it ends."""

    def __init__(
        self,
        credentials: Credentials | None,
        command: Callable[..., Awaitable[Any]],  # Any: a JSON value
        backoff: Backoff,
        random: Callable[[], float],
    ) -> None:
        self._credentials = credentials
        self._command = command
        self._backoff = backoff
        self._random = random
        # The end of which the server told last; it may tell of the next token's amid all this.
        self._ends = 0.0
        self._task: asyncio.Task[None] | None = None

    def due(self, payload: Mapping[str, object]) -> None:
        """The server's notice that the token ends."""
        if self._credentials is None or not self._credentials.renewable:
            return
        ends = payload.get("expires")
        self._ends = float(ends) if isinstance(ends, int | float) else 0.0
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._renew(self._credentials))

    def stop(self) -> None:
        """The connection is gone; the next one is made with another token anyway."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _renew(self, credentials: Credentials) -> None:
        """Try until it is done: the server ends the connection if that takes too long."""
        attempt = 0
        while True:
            wait = 0.0
            try:
                expires = await self._refresh(credentials)
            except (ConnectionLostError, ConnectFailedError):
                return
            except RefusedError as error:
                # The server's sentence is left out: what it says of a token is not ours to log.
                log.warning("the server refused another token: %s", error.code)
                if error.code in _FINAL:
                    return
                wait = error.retry_after or 0.0
            except (ClientError, TimeoutError) as error:
                log.warning("no other token yet: %s", str(error) or "no answer in time")
            else:
                if expires is None or expires > self._ends:
                    log.info("the token was refreshed")
                    return
                log.warning("the token provider gave a token that ends too soon")
            await asyncio.sleep(max(wait, self._backoff.delay(attempt, self._random)))
            attempt += 1

    async def _refresh(self, credentials: Credentials) -> float | None:
        answer = await self._command("auth.refresh", token=await credentials.token())
        expires = answer.get("expires") if isinstance(answer, dict) else None
        return float(expires) if isinstance(expires, int | float) else None


def _is_bearer(token: str) -> bool:
    return _BEARER.fullmatch(token) is not None
