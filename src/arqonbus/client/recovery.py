"""When to connect again, how long to wait for it, and when there is no point in it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from arqonbus.client.backoff import Backoff
from arqonbus.client.connection import Closure
from arqonbus.client.errors import (
    ClientError,
    ConnectFailedError,
    ConnectionLostError,
    HandshakeRefusedError,
    TokenExpiredError,
    TokenProviderError,
)
from arqonbus.protocol.close import CloseCode, may_resume

# The longest that a server's Retry-After is believed; by then it may say it again.
_LONGEST_WAIT: Final = 60.0


class Recovery:
    """`renewable`: another token can be had, so that what a token ended may go on with another.

    `token_timeout`: seconds for which that is tried when none can be had, or none that the server
    takes.
    """

    def __init__(
        self,
        backoff: Backoff,
        random: Callable[[], float],
        *,
        reconnect: bool,
        renewable: bool,
        token_timeout: float,
    ) -> None:
        self._backoff = backoff
        self._random = random
        self.reconnect = reconnect
        self._renewable = renewable
        self._token_timeout = token_timeout
        # When it began that there was no good token.
        self._since: float | None = None

    def connected(self) -> None:
        """The token was good."""
        self._since = None

    def after(self, closure: Closure) -> bool:
        """Whether to connect again after a connection that ended so."""
        renewed = self._renewable and closure.code == CloseCode.UNAUTHENTICATED
        return self.reconnect and closure.error is None and (may_resume(closure.code) or renewed)

    def wait(self, attempt: int, error: ClientError | None) -> float:
        """Seconds before the next attempt: what the server asks for, within reason, if that is
        more than the backoff. The last attempt without a good token is made when its time ends.
        """
        asked = error.retry_after if isinstance(error, HandshakeRefusedError) else None
        wait = max(self._backoff.delay(attempt, self._random), min(asked or 0.0, _LONGEST_WAIT))
        if self._since is None:
            return wait
        left = self._since + self._token_timeout - asyncio.get_running_loop().time()
        return min(wait, max(left, 0.0))

    def passes(self, error: ClientError) -> bool:
        """Whether another attempt may succeed after one that failed so."""
        if not self._renewable or not _is_about_token(error):
            self._since = None
            return _passes(error)
        now = asyncio.get_running_loop().time()
        if self._since is None:
            self._since = now
        return now - self._since < self._token_timeout


def _is_about_token(error: ClientError) -> bool:
    """Whether another token may be all that it takes."""
    if isinstance(error, HandshakeRefusedError):
        return error.status == HTTPStatus.UNAUTHORIZED
    return isinstance(error, (TokenProviderError, TokenExpiredError))


def _passes(error: ClientError) -> bool:
    if isinstance(error, ConnectionLostError):
        return may_resume(error.code)
    if isinstance(error, HandshakeRefusedError):
        return error.retryable
    return isinstance(error, ConnectFailedError)
