"""The policy in force, and how another one takes its place."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

from arqonbus.casil import engine
from arqonbus.casil.inspection import INCOMPLETE, Finding, Inspection, Verdict
from arqonbus.casil.policy import Policy, load

if TYPE_CHECKING:
    from arqonbus.casil.rules import Selection
    from arqonbus.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

# Clients name rooms and channels, so what is kept of each must be bounded.
MAX_ADDRESSES: Final = 10_000
# Clients cause these lines at will.
LINES_PER_SECOND: Final = 20
FINDINGS_LOGGED: Final = 8
MAX_SAMPLE_CHARS: Final = 64


class PreparedRules:
    """A policy that was read and is good: call it to put it in force, or `drop` it."""

    def __init__(self, policy: Policy | None, swap: Callable[[Policy | None], None]) -> None:
        self._policy = policy
        self._swap = swap

    def __call__(self) -> None:
        """Put it in force; it can't fail."""
        self._swap(self._policy)

    def drop(self) -> None:
        """Let go of what it holds."""
        if self._policy is not None:
            self._policy.close()


class Inspector:
    """Inspects messages by the policy of a file; without a file it inspects nothing."""

    def __init__(
        self,
        file: Path | None,
        metrics: Metrics,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read the policy.

        Raises:
            PolicyProblem: it can't be used.
        """
        self._file = file
        self._metrics = metrics
        self._policy: Policy | None = None
        self._selections: dict[tuple[str, str], Selection] = {}
        self._monotonic = monotonic
        self._window, self._lines, self._unsaid = monotonic(), 0, 0
        self.prepare()()

    @property
    def version(self) -> str:
        """What tells the policy in force from others; empty without one."""
        return self._policy.version if self._policy else ""

    @property
    def mode(self) -> str:
        """What becomes of finds; empty without a policy."""
        if self._policy is None:
            return ""
        return "enforce" if self._policy.enforces else "monitor"

    @property
    def active(self) -> bool:
        """Whether there is a policy at all."""
        return self._policy is not None

    @property
    def receipts(self) -> bool:
        """Whether delivered messages tell of their inspection."""
        return self._policy is not None and self._policy.receipts

    def prepare(self) -> PreparedRules:
        """Read and check the policy again; what is returned puts it in force and can't fail.

        Raises:
            PolicyProblem: it can't be used; the one in force stays.
        """
        policy = load(self._file) if self._file else None

        return PreparedRules(policy, self._swap)

    def _swap(self, policy: Policy | None) -> None:
        before, self._policy = self._policy, policy
        self._selections = {}
        if before is not None:
            before.close()

    def applies(self, room: str, channel: str) -> bool:
        """Whether any rule is for this address: if not, nothing is inspected there."""
        return self._policy is not None and bool(self._select(self._policy, (room, channel)))

    def inspect(self, room: str, channel: str, parts: Mapping[str, object]) -> Inspection | None:
        """The outcome for a message, by the names of its parts; None where no rule applies.

        `room` and `channel` are empty for a direct message. Blocks, in mode enforce, what can't be
        inspected to its end, whatever the reason.
        """
        policy = self._policy
        if policy is None:
            return None
        selection = self._select(policy, (room, channel))
        if not selection:
            return None
        try:
            found = engine.inspect(policy, selection, (room, channel), parts)
        except Exception:
            # Fail closed: whatever a message makes go wrong here must not let it pass.
            log.exception("an inspection failed", room=room, channel=channel)
            self._metrics.internal_error("casil")
            verdict = Verdict.BLOCK if policy.enforces else Verdict.NOTE
            found = Inspection(
                verdict, (), (INCOMPLETE,), policy.version, 0, 0, "an error in the inspection"
            )
        self._report(found, (room, channel))
        return found

    def _select(self, policy: Policy, address: tuple[str, str]) -> Selection:
        selection = self._selections.get(address)
        if selection is None:
            if len(self._selections) >= MAX_ADDRESSES:
                self._selections.clear()
            selection = self._selections[address] = policy.select(*address)
        return selection

    def _report(self, found: Inspection, address: tuple[str, str]) -> None:
        self._metrics.inspected(found.verdict.word)
        for rule in found.rules:
            self._metrics.rule_found(rule)
        if found.rules and self._may_log():
            names = zip(("room", "channel"), address, strict=True)
            room, channel = ("*" if found.found_in(part) else name for part, name in names)
            log.warning(
                "payload rules found something",
                verdict=found.verdict.word,
                rules=found.rules,
                room=room,
                channel=channel,
                policy=found.policy,
                incomplete=found.incomplete,
                findings=[_told(one) for one in found.findings[:FINDINGS_LOGGED]],
                not_logged_before=self._unsaid,
            )
            self._unsaid = 0

    def _may_log(self) -> bool:
        now = self._monotonic()
        if now - self._window >= 1:
            self._window, self._lines = now, 0
        self._lines += 1
        if self._lines <= LINES_PER_SECOND:
            return True
        self._unsaid += 1
        return False


def _told(finding: Finding) -> dict[str, str]:
    return {
        "rule": finding.rule,
        "by": finding.by,
        "pointer": finding.pointer,
        "sample": finding.sample[:MAX_SAMPLE_CHARS],
    }
