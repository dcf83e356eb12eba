"""How well each rule tells bad from good, by the specimens of this run. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from checks.model import GateResult, SpecimenOutcome


@dataclass(frozen=True, slots=True)
class RuleRecord:
    """A rule's specimens: how many bad ones it caught, and how many good ones it bit."""

    rule: str
    gate: str
    bad: int
    caught: int
    good: int
    bitten: int

    @property
    def recall(self) -> float | None:
        """The share of bad specimens that the rule caught; None without any."""
        return self.caught / self.bad if self.bad else None

    @property
    def ok(self) -> bool:
        """True when the rule caught every bad specimen and bit no good one."""
        return self.caught == self.bad and not self.bitten


def rule_records(results: Iterable[GateResult]) -> tuple[RuleRecord, ...]:
    """Count the specimens of every rule, in the gates' order."""
    return tuple(
        _record(result.gate, rule, result.output.specimens)
        for result in results
        if result.output is not None
        for rule in sorted({one.rule for one in result.output.specimens})
    )


def _record(gate: str, rule: str, specimens: Iterable[SpecimenOutcome]) -> RuleRecord:
    mine = [one for one in specimens if one.rule == rule]
    bad = [one for one in mine if one.should_fire]
    good = [one for one in mine if not one.should_fire]
    return RuleRecord(
        rule=rule,
        gate=gate,
        bad=len(bad),
        caught=sum(one.fired for one in bad),
        good=len(good),
        bitten=sum(one.fired for one in good),
    )
