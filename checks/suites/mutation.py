"""Whether tests notice faults: a sample of mutants, tried out, with what it shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from checks.model import CouldNotRun, Finding, Location, Scope
from checks.suites.sampling import FILE, draw, read_mutation
from checks.suites.trials import try_out

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from checks.suites.sampling import Draw, Module, MutationPolicy
    from checks.suites.trials import Fate

__all__ = ["FILE", "RULE", "Sample", "take_sample"]

RULE = "suites.mutant-survived"


@dataclass(frozen=True, slots=True)
class Sample:
    """What the gate adds to its output; `attempts` counts the mutants tried of each module."""

    scopes: tuple[Scope, ...] = ()
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    attempts: dict[str, int] = field(default_factory=dict)


def take_sample(project: Path, work: Path, file: Path) -> Sample:
    """Draw the mutants that the policy in `file` asks for, and try them out in copies in `work`.

    Raises:
        CouldNotRun: a module is missing or can't be changed, or tests fail without any fault.
    """
    policy = read_mutation(file)
    draws = [draw(policy, one, _text(project, one)) for one in policy.module]
    fates = try_out(project, work, policy, draws)
    expected = frozenset(_name(one.module, name.name) for one in draws for name in one.chosen)
    return Sample(
        scopes=(Scope("mutants", expected, frozenset(map(_of_fate, fates))),),
        findings=tuple(_findings(policy, draws, fates)),
        notes=(
            f"{sum(one.killed for one in fates)} of {len(fates)} mutants were noticed",
            *(_told(one) for one in sorted(fates, key=lambda fate: fate.killed)),
            *(_drawn(one, policy) for one in draws),
            *_left_out(draws),
        ),
        attempts={one.module.path: len(one.chosen) for one in draws},
    )


def _text(project: Path, module: Module) -> str:
    try:
        return (project / module.path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CouldNotRun(f"{FILE} names {module.path}, which can't be read") from error


def _findings(
    policy: MutationPolicy, draws: Sequence[Draw], fates: Sequence[Fate]
) -> Iterator[Finding]:
    """Yield the survivors of every module whose tests notice too small a share."""
    for one in draws:
        mine = [fate for fate in fates if fate.module == one.module]
        survivors = [fate for fate in mine if not fate.killed]
        share = 1 - len(survivors) / len(mine)
        if share < policy.threshold:
            yield from (_finding(fate, share, policy.threshold) for fate in survivors)


def _finding(fate: Fate, share: float, threshold: float) -> Finding:
    mutant = fate.mutant
    return Finding(
        RULE,
        f"the tests pass with {mutant.after!r} here ({mutant.kind}); they notice {share:.0%} of"
        f" the module's mutants, and should {threshold:.0%}",
        Location(fate.module.path, mutant.line),
        snippet=mutant.before,
        context=mutant.function,
        remediation=f"assert it in {', '.join(fate.module.tests)}, or name the mutant in {FILE}"
        " as equivalent, with the reason",
    )


def _drawn(one: Draw, policy: MutationPolicy) -> str:
    drawn = f"{len(one.chosen)} of {one.total} mutants were drawn with seed {policy.seed}"
    return f"{one.module.path}: {drawn}"


def _told(fate: Fate) -> str:
    mutant = fate.mutant
    end = f"noticed by {fate.by}" if fate.killed else "SURVIVED"
    return f"{fate.module.path}:{mutant.line}: {mutant.name} → {mutant.after}: {end}"


def _left_out(draws: Sequence[Draw]) -> Iterator[str]:
    for one in draws:
        for name, reason in one.left_out.items():
            yield f"{one.module.path}: {name}: not drawn, equivalent: {reason}"


def _of_fate(fate: Fate) -> str:
    return _name(fate.module, fate.mutant.name)


def _name(module: Module, mutant: str) -> str:
    return f"{module.path}: {mutant}"
