"""How much of a stream a store keeps."""

from __future__ import annotations

from dataclasses import dataclass

from arqonbus.model.address import SYSTEM_ROOM, Address


@dataclass(frozen=True, slots=True)
class Retention:
    """Bounds per channel: messages, bytes of bodies, and age in seconds (None: any age)."""

    max_messages: int
    max_bytes: int
    max_age: float | None = None

    @staticmethod
    def spares(address: Address) -> bool:
        """Whether a channel is kept whole: the bus' own, which the bus itself shortens."""
        return address.room == SYSTEM_ROOM
