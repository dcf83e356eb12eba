"""All keys of a bus: those of the settings and files, and those of a JWK Set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from arqonbus.shield.algorithms import bind
from arqonbus.shield.authorities import read_authorities
from arqonbus.shield.endpoint import Endpoint
from arqonbus.shield.keys import read_keys
from arqonbus.shield.remote import RemoteKeys

if TYPE_CHECKING:
    from arqonbus.config.shield import AuthSettings
    from arqonbus.shield.algorithms import VerificationKey
    from arqonbus.telemetry.metrics import Metrics


class KeyRing:
    """Implements `tokens.Keys`; it has a life, since a JWK Set is fetched again and again."""

    def __init__(self, auth: AuthSettings, metrics: Metrics) -> None:
        """Read the files.

        Raises:
            KeyProblem: as in `keys.read_keys`.
        """
        self._auth = auth
        self._local = read_keys(auth)
        self._endpoint: Endpoint | None = None
        self._remote: RemoteKeys | None = None
        if auth.jwks_url is not None:
            self._endpoint = Endpoint(auth.jwks_url, read_authorities(auth.jwks_ca_file))
            self._remote = RemoteKeys(self._endpoint.fetch, bind(auth.algorithm), auth, metrics)

    async def open(self) -> None:
        """Have every key that there is.

        Raises:
            KeySetError: the JWK Set can't be had.
        """
        if self._remote is not None:
            await self._remote.open()

    async def close(self) -> None:
        """Fetch no more."""
        if self._remote is not None:
            await self._remote.close()

    def problem(self) -> str | None:
        """Why tokens can't be verified at the moment, or None."""
        return self._remote.problem() if self._remote is not None else None

    def prepare(self) -> Callable[[], None]:
        """Read all files again; what is returned puts their keys in the place of the present ones.

        Raises:
            KeyProblem: one of them can't be used; nothing has changed.
        """
        local = read_keys(self._auth)
        context = read_authorities(self._auth.jwks_ca_file) if self._endpoint else None

        def swap() -> None:
            self._local = local
            if self._endpoint is not None and context is not None:
                self._endpoint.context = context

        return swap

    def candidates(self, algorithm: str, key_id: str | None) -> Iterator[VerificationKey]:
        """See `tokens.Keys.candidates`: a key that is named, else all of the algorithm."""
        fitting = [key for key in self._local if key.algorithm == algorithm]
        named = [key for key in fitting if key_id is not None and key.id == key_id]
        yield from named or fitting
        if self._remote is not None and not named:
            yield from self._remote.candidates(algorithm, key_id)
