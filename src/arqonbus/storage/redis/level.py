"""The level in force, and what it means that a server gives less than what is demanded."""

from __future__ import annotations

from arqonbus.model.durability import Durability
from arqonbus.storage.redis.attest import Attestation


class Level:
    """What commits reach. Below `demanded` there are none (`strict`), or they reach less.

    `falls` counts: a commit during which it grew may have reached less than it began with.
    """

    def __init__(self, demanded: Durability, *, strict: bool) -> None:
        self.reached = demanded
        self.falls = 0
        self._demanded = demanded
        self._strict = strict
        self._reason: str | None = None
        self._found = demanded

    def take(self, found: Attestation) -> None:
        """Go by what was found out last."""
        self.falls += found.level < self._found
        self._found = found.level
        enough = found.level >= self._demanded
        self._reason = None if enough else self._sentence(found)
        self.reached = self._demanded if self._strict and not enough else found.level

    def refusal(self) -> str | None:
        """Why nothing may be committed at present."""
        return self._reason if self._strict else None

    def shortfall(self) -> str | None:
        """Why commits reach less than what was demanded."""
        return None if self._strict else self._reason

    def _sentence(self, found: Attestation) -> str:
        return (
            f"durability {self._demanded.wire} is demanded but the Redis server gives "
            f"{found.level.wire}: {found.reason}"
        )
