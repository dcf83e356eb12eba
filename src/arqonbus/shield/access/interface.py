"""What an access policy is, and how it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from arqonbus.model.action import Action
from arqonbus.model.principal import Principal

# What decides where no rule of the file does. A rule's own id has no parentheses.
DEFAULT: Final = "(default)"
CLAIMS: Final = "(claims)"
NOBODY: Final = "(nobody)"
ADDRESS: Final = "(address)"


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether it is allowed, the id of the rule that says so, and why, for a person."""

    allowed: bool
    rule: str
    why: str


class AccessPolicy(Protocol):
    """Decides: no I/O, no clock, the same answer for the same question until `epoch` changes."""

    @property
    def epoch(self) -> str:
        """The policy's version: two policies with one epoch decide alike."""
        ...

    @property
    def warnings(self) -> tuple[str, ...]:
        """What whoever runs the server should know about it, one sentence each."""
        ...

    def decide(self, principal: Principal, action: Action, room: str, channel: str) -> Decision:
        """Whether `principal` may do it; room and channel as clients name them, "" without one."""
        ...


class AccessProblem(Exception):  # noqa: N818 - it is what the preflight lists, not a crash
    """Why there is no policy.

    Attributes:
        problems: Every reason, one line each.
    """

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems
