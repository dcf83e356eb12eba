"""The keys of a JWK Set that is fetched again and again: what is believed, and for how long."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Final

import structlog

from arqonbus.shield.algorithms import SHARED
from arqonbus.shield.interface import AuthError, AuthReason
from arqonbus.shield.jwks import KeySetError, read_set
from arqonbus.shield.keys import MAX_KEYS

if TYPE_CHECKING:
    from arqonbus.config.shield import AuthSettings
    from arqonbus.shield.algorithms import Bound, VerificationKey
    from arqonbus.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

Fetch = Callable[[], Awaitable[bytes]]


class RemoteKeys:
    """The last good set, and the task that keeps it good.

    Whatever is fetched and is no usable set is an outage: the last good one stays, until it is
    older than `auth.jwks_max_age`. From then on nobody is let in with its keys.
    """

    def __init__(self, fetch: Fetch, bound: Bound, auth: AuthSettings, metrics: Metrics) -> None:
        self._fetch = fetch
        # Whatever a set holds, a secret can't be in it: it is there for all to read.
        self._bound: Final = {kind: name for kind, name in bound.items() if kind != SHARED}
        self._auth: Final = auth
        self._metrics = metrics
        self._now: Final = asyncio.get_running_loop().time
        self._keys: tuple[VerificationKey, ...] = ()
        self._good_at = float("-inf")
        self._tried_at = float("-inf")
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Fetch the first set, and keep it fresh from now on.

        Raises:
            KeySetError: there is none, so nobody could be let in.
        """
        await self._renew()
        self._task = asyncio.create_task(self._keep())

    async def close(self) -> None:
        """Fetch no more."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def problem(self) -> str | None:
        """Why nobody can be let in with these keys, or None."""
        if self._now() - self._good_at <= self._auth.jwks_max_age:
            return None
        return "the JWK Set can't be renewed, and the last one is older than auth.jwks_max_age"

    def candidates(self, algorithm: str, key_id: str | None) -> Iterator[VerificationKey]:
        """See `tokens.Keys.candidates`; a key id that is not known is asked for at the endpoint."""
        if algorithm not in self._bound.values():
            return
        if self.problem() is not None:
            self._wanted.set()
            raise AuthError(
                AuthReason.UNAVAILABLE, "the keys that tokens are verified with can't be had"
            )
        fitting = [key for key in self._keys if key.algorithm == algorithm]
        if key_id is not None:
            yield from (key for key in fitting if key.id == key_id)
            if not any(key.id == key_id for key in self._keys):
                self._wanted.set()
                raise AuthError(
                    AuthReason.UNKNOWN_KEY,
                    "the token's key is not known yet; its set is fetched again",
                )
        elif len(fitting) <= MAX_KEYS:
            # Each key that is tried costs a verification, so there is a limit to guessing.
            yield from fitting

    async def _keep(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._auth.jwks_refresh):
                    await self._wanted.wait()
            # However many ask, and whatever they ask for, the endpoint is spared.
            await asyncio.sleep(self._tried_at + self._auth.jwks_min_interval - self._now())
            self._wanted.clear()
            await self._try_to_renew()

    async def _try_to_renew(self) -> None:
        try:
            await self._renew()
        except KeySetError as error:
            log.warning("the JWK Set can't be renewed", reason=str(error), age=self._age())
            self._wanted.set()
        except Exception:  # a fault of ours or of a library must not end the renewing in silence
            log.exception("renewing the JWK Set failed", age=self._age())
            self._metrics.internal_error("jwks")
            self._wanted.set()

    async def _renew(self) -> None:
        self._tried_at = self._now()
        try:
            keys = read_set(await self._fetch(), self._bound)
        except KeySetError:
            self._metrics.key_set_fetched(good=False)
            raise
        self._metrics.key_set_fetched(good=True)
        if {key.id for key in keys} != {key.id for key in self._keys}:
            log.info("JWK Set in use", keys=[key.id for key in keys])
        self._keys, self._good_at = keys, self._tried_at

    def _age(self) -> float:
        return round(self._now() - self._good_at, 1)
