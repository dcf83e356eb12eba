"""The rules of the gate `durability`."""

from __future__ import annotations

from typing import Final

STARTED: Final = "durability.started-on-dead-store"
SILENT: Final = "durability.silent-degraded"
RECEIPT: Final = "durability.receipt-lied"
READY: Final = "durability.ready-lied"
NOT_REFUSED: Final = "durability.not-refused"
UNSTORED: Final = "durability.delivered-unstored"
LOST: Final = "durability.lost-acknowledged"
HIDDEN: Final = "durability.loss-hidden"
DOWN: Final = "durability.stayed-down"
SECOND: Final = "durability.second-writer"

RULES: Final = (
    STARTED,
    SILENT,
    RECEIPT,
    READY,
    NOT_REFUSED,
    UNSTORED,
    LOST,
    HIDDEN,
    DOWN,
    SECOND,
)
