"""A policy in a file that can be read again while the server runs: all of it, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from arqonbus.model.action import Action
from arqonbus.model.principal import Principal
from arqonbus.shield.access.compare import weakened
from arqonbus.shield.access.decide import Explanation, RulePolicy
from arqonbus.shield.access.interface import Decision
from arqonbus.shield.access.parse import read_policy


@dataclass(frozen=True, slots=True)
class PreparedPolicy:
    """A policy that was read and found sound, and does not hold until it is called.

    Attributes:
        weakened: In which ways it allows what the one in force does not.
        warnings: What should be looked at again.
    """

    epoch: str
    weakened: tuple[str, ...]
    warnings: tuple[str, ...]
    swap: Callable[[], None]

    def __call__(self) -> None:
        """Put it in force."""
        self.swap()


class FilePolicy:
    """Decides by what the file held when it was read last.

    Raises:
        AccessProblem: the file can't be read or is wrong, with every problem.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._current = RulePolicy(read_policy(path))

    @property
    def epoch(self) -> str:
        """The digest of the file's content that is in force."""
        return self._current.epoch

    @property
    def warnings(self) -> tuple[str, ...]:
        """What should be looked at again in it."""
        return self._current.warnings

    def decide(self, principal: Principal, action: Action, room: str, channel: str) -> Decision:
        """Whether it is allowed, by which rule, and why."""
        return self._current.decide(principal, action, room, channel)

    def explain(self, principal: Principal, action: Action, room: str, channel: str) -> Explanation:
        """The same, with what each rule says to it."""
        return self._current.explain(principal, action, room, channel)

    def prepare(self) -> PreparedPolicy:
        """Read the file again; nothing changes before what is returned is called.

        Raises:
            AccessProblem: as at the start; the policy in force goes on.
        """
        after = RulePolicy(read_policy(self._path))

        def swap() -> None:
            self._current = after

        less = weakened(self._current.policy, after.policy)
        return PreparedPolicy(after.epoch, less, after.warnings, swap)
