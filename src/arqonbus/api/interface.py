"""What the pages need to know of the bus."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


class BusStatus(Protocol):
    """The state of a bus, as the app sees it."""

    def ready(self) -> Sequence[str]:
        """Why it can't take traffic now, one reason each; empty when it can."""
        ...

    def health(self) -> Mapping[str, object]:
        """What `/health` shows besides the status, as JSON values; storage durability at least."""
        ...


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, before it is known whether they may.

    Attributes:
        token: The bearer token, if one was given.
        certificate: The thumbprint of the client's certificate, if one was presented
            (`shield.binding.check_binding` wants it).
        address: The client's address, for the audit log.
    """

    token: str | None = field(repr=False)
    certificate: str | None
    address: str


class Admin(Protocol):
    """Administers the bus for those who may."""

    async def run(self, caller: Caller, command: str, args: Mapping[str, object]) -> object:
        """Authenticate the caller, check the admin action, run the command; its result as JSON.
        What is FORBIDDEN is reported as a security event.

        Raises:
            ArqonBusError: UNAUTHENTICATED, FORBIDDEN, or why the command failed.
        """
        ...
