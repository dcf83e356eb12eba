"""What a command is given, and what it returns."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from arqonbus.audit.log import AuditLog
    from arqonbus.bus.bus import Bus
    from arqonbus.config.limits import LimitSettings
    from arqonbus.delayed.engine import Delayed
    from arqonbus.groups.engine import Groups
    from arqonbus.model.action import Action
    from arqonbus.model.address import Address
    from arqonbus.model.principal import Principal
    from arqonbus.revocation.engine import Revocations
    from arqonbus.routing.hub import Channel
    from arqonbus.shield.interface import Authenticator
    from arqonbus.shield.permissions import Guard
    from arqonbus.shield.quotas import Quota
    from arqonbus.storage.interface import Storage
    from arqonbus.telemetry.ledger import Account


class Outlet(Protocol):
    """The part of a caller's connection that commands use."""

    binary: bool
    # Where the client is, and the thumbprint of its certificate if it presented one.
    address: str
    certificate: str | None

    def deliver(self, channel: Channel, chunk: bytes, first_seq: int, last_seq: int) -> None:
        """See `Subscriber.deliver`."""
        ...

    def send(self, frames: bytes) -> bool:
        """Queue frames that must not be left out; False if the connection is closing."""
        ...

    def replay(self, frames: bytes, count: int) -> bool:
        """Queue `count` stored messages that must not be left out; see `send`."""
        ...

    async def room(self) -> None:
        """Wait until the outbox has room again."""
        ...


class Caller(Protocol):
    """The session that calls."""

    client_id: str
    principal: Principal
    dedup_scope: str
    joined: dict[Channel, None]

    @property
    def from_address(self) -> str:
        """Where the client is."""
        ...

    @property
    def operator(self) -> bool:
        """Whether the server as a whole is the caller's affair."""
        ...

    def address(self, room: str, channel: str) -> Address:
        """The address of what the caller calls so.

        Raises:
            ArqonBusError: VALIDATION_ERROR, that is no name.
        """
        ...

    def publishing(self, room: str, channel: str) -> Address:
        """See `Peer.publishing`."""
        ...

    def become(self, principal: Principal) -> None:
        """Go on with what another token of the same subject says."""
        ...

    def check(self, action: Action | None, room: str = "", channel: str = "") -> None:
        """Refuse what the caller may not do; None stands for any of what concerns a channel.

        Raises:
            ArqonBusError: FORBIDDEN.
        """
        ...

    def may(self, action: Action | None, address: Address) -> bool:
        """Whether the caller may do that there; see `check`. Never in another tenant."""
        ...

    def account(self) -> Account:
        """What became of the deliveries due to this client."""
        ...

    @property
    def connection(self) -> Outlet:
        """Where deliveries go; also the caller's `Subscriber`."""
        ...

    def send_json(self, text: bytes) -> bool:
        """See `Peer.send_json`."""
        ...

    def has_room(self) -> bool:
        """Whether the outbox can take more at leisure."""
        ...

    def notice(self, payload: dict[str, object]) -> None:
        """See `Peer.notice`."""
        ...

    def gap_frame(self, channel: Channel, epoch: str, first: int, last: int, reason: str) -> bytes:
        """The frame that names positions of an epoch which the caller will not get."""
        ...


class Reloads(Protocol):
    """Reads what files say anew."""

    def reload(self) -> Mapping[str, object]:
        """Put in force what they say now, or nothing of it; what that is.

        Raises:
            ArqonBusError: CONFLICT, with every reason.
        """
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """What all commands share. `registry_help` lists them, `status` tells the server's state."""

    bus: Bus
    storage: Storage
    limits: LimitSettings
    server: dict[str, str]
    started: int
    groups: Groups
    delayed: Delayed
    audit: AuditLog
    guard: Guard
    authenticator: Authenticator
    revocations: Revocations
    reloads: Reloads
    joined: Quota


@dataclass(frozen=True, slots=True)
class Reply:
    """A command's answer; `then` runs after the answer was queued."""

    payload: object
    then: Callable[[], Awaitable[None]] | None = None
