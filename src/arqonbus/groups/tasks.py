"""What a group knows of a task, a worker, and of all tasks together."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import NamedTuple


class Stage(enum.Enum):
    """How far a held task is: HANDING while its attempt is being recorded, OUT with the worker,
    SETTLING while the worker's answer is being recorded. Only what is OUT can expire.
    """

    HANDING = "handing"
    OUT = "out"
    SETTLING = "settling"


class Verdict(enum.Enum):
    """Whether a worker may settle a position."""

    HELD = "held"
    SETTLED = "settled"
    REFUSED = "refused"


class Task(NamedTuple):
    """A position handed to a worker for the so-manieth time."""

    seq: int
    worker: str
    attempt: int


@dataclass(slots=True)
class Held:
    """A task with a worker; times in microseconds."""

    worker: str
    attempts: int
    since: int
    deadline: int = 0
    stage: Stage = Stage.HANDING


@dataclass(slots=True)
class Waiting:
    """A task that nobody has, not to be handed out before a time."""

    attempts: int
    not_before: int


@dataclass(slots=True)
class Worker:
    """What a worker may hold and holds; `turn` orders those with equal loads. One that is not
    `ready` reads too slowly to be sent anything more.
    """

    credits: int
    load: int = 0
    turn: int = 0
    ready: bool = True

    @property
    def able(self) -> int:
        """How many tasks it can take now."""
        return self.credits - self.load if self.ready else 0


@dataclass(slots=True)
class Counts:
    """Positions by what became of them; offered = acked + dead + lost + the unsettled."""

    offered: int = 0
    acked: int = 0
    dead: int = 0
    lost: int = 0

    def add(self, other: Counts) -> None:
        """Count those of `other` as well."""
        self.offered += other.offered
        self.acked += other.acked
        self.dead += other.dead
        self.lost += other.lost
