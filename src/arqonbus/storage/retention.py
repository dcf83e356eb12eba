"""How much of a stream a store keeps."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Retention:
    """Bounds per channel: messages, bytes of bodies, and age in seconds (None: any age)."""

    max_messages: int
    max_bytes: int
    max_age: float | None = None
