"""What a bus did that breaks a rule, for the gates that talk to a bus."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Fault:
    """A rule, and what was seen that breaks it."""

    rule: str
    what: str


Faults: TypeAlias = Iterator[Fault]


class NoAnswerError(Exception):
    """The bus said nothing for so long, or closed the connection: what follows can't be asked."""
