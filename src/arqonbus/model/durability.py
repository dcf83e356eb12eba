"""Durability levels, in order (docs/protocol.md)."""

from __future__ import annotations

import enum


class Durability(enum.IntEnum):
    """What a message survives: MEMORY this process' life, REMOTE another process' memory,
    DISK a power cut (fsynced before the receipt), REPLICATED the loss of a machine.
    """

    MEMORY = 1
    REMOTE = 2
    DISK = 3
    REPLICATED = 4

    @property
    def wire(self) -> str:
        """The name on the wire."""
        return self.name.lower()

    @classmethod
    def from_wire(cls, name: str) -> Durability:
        """The level of a wire name.

        Raises:
            KeyError: the name is no level.
        """
        return _BY_WIRE[name]


_BY_WIRE = {level.wire: level for level in Durability}
