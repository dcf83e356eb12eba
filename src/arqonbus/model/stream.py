"""What is known of a stream."""

from __future__ import annotations

from dataclasses import dataclass

from arqonbus.model.address import Address


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """A stream's state. `first_seq` is the oldest position still there, `last_seq` the newest ever
    given (kept when retention removed all); an empty stream has ``first_seq == last_seq + 1``.
    `size` counts the bodies' bytes. `last_timestamp` (µs) is 0 before the first message.
    """

    address: Address
    epoch: str
    first_seq: int
    last_seq: int
    size: int
    last_timestamp: int
