"""What an inspection found, and what is told of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Final

import msgspec

from arqonbus.errors import ArqonBusError, ErrorCode

# The rule that stands for an inspection that came to no end.
INCOMPLETE: Final = "casil.incomplete"


class Action(StrEnum):
    """What is to happen to a message in which a rule finds something."""

    BLOCK = "block"
    REDACT = "redact"
    NOTE = "note"


class Verdict(IntEnum):
    """What happens to a message; the highest of all rules' holds."""

    PASS = 0
    NOTE = 1
    REDACT = 2
    BLOCK = 3

    @property
    def word(self) -> str:
        """As receipts and metrics have it."""
        return self.name.lower()


VERDICTS: Final = {
    Action.NOTE: Verdict.NOTE,
    Action.REDACT: Verdict.REDACT,
    Action.BLOCK: Verdict.BLOCK,
}


class Incomplete(Exception):  # noqa: N818 - an outcome of an inspection, not a fault
    """The inspection can't be finished; the text, free of the message, says why."""


class Budget:
    """So much of something may be used for one message."""

    def __init__(self, most: int, what: str) -> None:
        """`what` is said of a message that needs more than `most`."""
        self._left = most
        self._what = what

    def spend(self, amount: int = 1) -> None:
        """Use some of it.

        Raises:
            Incomplete: there is not so much left.
        """
        self._left -= amount
        if self._left < 0:
            raise Incomplete(self._what)


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule's find: where, by what, and what may be logged of it.

    Attributes:
        pointer: The place as a JSON pointer below the part's name, never a value.
        by: A detector's name, or ``pattern``, ``deny``, ``schema`` or ``wasm`` with its reason.
        sample: The mark of the rule, unless the rule says that logs may show what was found.
    """

    rule: str
    action: Action
    pointer: str
    by: str
    sample: str = ""


@dataclass(frozen=True, slots=True)
class Inspection:
    """The outcome for one message.

    Attributes:
        findings: The gravest first; of very many only so many.
        rules: The ids of all rules that found something, each once.
        parts: What must be sent instead of the message's own parts, by their names.
        inspected: Bytes of texts that were looked at to the end, of `total`.
        incomplete: Why it could not be finished; empty if it was.
    """

    verdict: Verdict
    findings: tuple[Finding, ...]
    rules: tuple[str, ...]
    policy: str
    inspected: int
    total: int
    incomplete: str = ""
    parts: Mapping[str, object] = field(default_factory=dict, repr=False)

    def found_in(self, part: str) -> bool:
        """Whether a part as a whole is a find, so that it must not be told either."""
        return any(one.pointer == part for one in self.findings)

    def receipt(self) -> bytes:
        """What a delivered message tells of its inspection, as a JSON object."""
        return msgspec.json.encode(
            {
                "policy": self.policy,
                "inspected": self.inspected,
                "total": self.total,
                "verdict": self.verdict.word,
                "rules": self.rules,
            }
        )

    def refusal(self, about: str = "") -> ArqonBusError:
        """What the sender of a blocked message is told: the rule and the place, no value.

        `about` is where it was sent to, for the operator's records.
        """
        first = self.findings[0] if self.findings else None
        if self.incomplete or first is None:
            what = f"{INCOMPLETE}: the inspection came to no end: {self.incomplete}"
            return _blocked(what, f"{about}: {INCOMPLETE}")
        where = f" at {first.pointer}" if first.pointer else ""
        return _blocked(f"{first.rule}: {first.by}{where}", f"{about}: {first.rule}")


def _blocked(message: str, about: str) -> ArqonBusError:
    return ArqonBusError(ErrorCode.POLICY_BLOCKED, message, about=about)
