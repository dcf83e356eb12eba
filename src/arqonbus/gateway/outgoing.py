"""What a session needs of its connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from arqonbus.protocol.close import CloseCode
    from arqonbus.routing.hub import Channel
    from arqonbus.telemetry.ledger import Account


class Connection(Protocol):
    """A bounded outbox and the socket's reading side; implemented by `transport`."""

    binary: bool
    # Where the client is, and the thumbprint of its certificate if it presented one.
    address: str
    certificate: str | None

    def deliver(self, channel: Channel, chunk: bytes, first_seq: int, last_seq: int) -> None:
        """See `Subscriber.deliver`."""
        ...

    def send(self, frames: bytes) -> bool:
        """Queue whole frames that must not be left out; False if the connection is closing."""
        ...

    def replay(self, frames: bytes, count: int) -> bool:
        """Queue `count` stored messages that must not be left out; see `send`."""
        ...

    def account(self) -> Account:
        """What became of the deliveries so far."""
        ...

    def has_room(self) -> bool:
        """Whether at most half of the outbox is used."""
        ...

    async def room(self) -> None:
        """Wait until at most half of the outbox is used, or the connection is closing."""
        ...

    def close(self, code: CloseCode) -> None:
        """Close with what is queued written first where possible."""
        ...

    def pause_reading(self) -> None:
        """Let the socket's own window push back on the peer."""
        ...

    def resume_reading(self) -> None:
        """Read again."""
        ...

    def excuse_ping(self) -> None:
        """Want no answer to the last ping: it may have come while the socket was not read."""
        ...
