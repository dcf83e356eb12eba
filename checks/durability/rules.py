"""The rules of the gate `durability`, and what breaks them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

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


@dataclass(frozen=True, slots=True)
class Fault:
    """A rule, and what was seen that breaks it."""

    rule: str
    what: str


Faults: TypeAlias = Iterator[Fault]


class NoAnswerError(Exception):
    """The bus said nothing for so long, or closed the connection: what follows can't be asked."""
