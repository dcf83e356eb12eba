"""Figures for people and for programs, and how they stand to the goals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from arqonbus.bench.plan import Outcome, ServerKind

Figures = dict[str, float]


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound on one figure. `ratio`: on ours divided by the other server's."""

    figure: str
    bound: float
    ratio: bool = True
    at_least: bool = False

    def met(self, value: float) -> bool:
        """Whether the value is within the bound."""
        return value >= self.bound if self.at_least else value <= self.bound


CPU_PER_DELIVERY = "server_cpu_us_per_delivery"
P99 = "p99_ms"
KIB = "kib_per_connection"


def fanout_goal(subscribers: int) -> Goal | None:
    """The goals are set for 1, 100 and 1,000 subscribers."""
    bounds = {1: 4.0, 100: 0.5, 1000: 0.35}
    bound = bounds.get(subscribers)
    return None if bound is None else Goal(CPU_PER_DELIVERY, bound)


LATENCY_GOAL = Goal(P99, 2.0)
CONNECTIONS_GOAL = Goal(KIB, 20.0, ratio=False)


def figures(outcome: Outcome) -> Figures:
    """What was measured, by name; what does not apply is left out."""
    found: Figures = {
        "messages": outcome.messages,
        "deliveries": outcome.deliveries,
        "receipts": outcome.receipts,
        "seconds": outcome.seconds,
        "messages_per_second": outcome.messages_per_second,
        "deliveries_per_second": outcome.deliveries_per_second,
        "server_cpu_us_per_message": outcome.per_message_us,
        CPU_PER_DELIVERY: outcome.per_delivery_us,
        "server_cpu_share": outcome.server_cpu_seconds / outcome.seconds if outcome.seconds else 0,
        "client_cpu_share": outcome.client_cpu_seconds / outcome.seconds if outcome.seconds else 0,
        "connections": outcome.connections,
        KIB: outcome.kib_per_connection,
        "subscribers_checked_message_by_message": outcome.checked,
    }
    found |= {f"{name}_ms": value for name, value in outcome.latency_ms.items()}
    return {name: value for name, value in found.items() if value}


def middle(outcomes: Sequence[Outcome]) -> Figures:
    """The median of every figure over the rounds."""
    rounds = [figures(outcome) for outcome in outcomes]
    return {name: median(r.get(name, 0.0) for r in rounds) for name in rounds[0]}


def document(
    scenario: str,
    settings: dict[str, object],
    outcomes: dict[ServerKind, list[Outcome]],
    goal: Goal | None,
) -> dict[str, object]:
    """The whole result."""
    medians = {kind: middle(rounds) for kind, rounds in outcomes.items()}
    report: dict[str, object] = {
        "scenario": scenario,
        "settings": settings,
        "results": medians,
        "rounds": {kind: [figures(o) for o in rounds] for kind, rounds in outcomes.items()},
    }
    ours, theirs = medians.get("arqonbus"), medians.get("nats")
    if ours is not None and theirs is not None:
        report["ratios"] = {name: ours[name] / theirs[name] for name in ours if theirs.get(name)}
    if goal is not None:
        judge(report, goal)
    return report


def judge(report: dict[str, object], goal: Goal) -> None:
    """Add how the result stands to its goal, if it holds what the goal is about."""
    source = report.get("ratios") if goal.ratio else report["results"]
    if isinstance(source, dict) and not goal.ratio:
        source = source.get("arqonbus")
    if not isinstance(source, dict) or goal.figure not in source:
        return
    value = float(source[goal.figure])
    report["goal"] = {
        "figure": goal.figure,
        "kind": "ratio to nats" if goal.ratio else "value",
        "bound": goal.bound,
        "at_least": goal.at_least,
        "reached": value,
        "met": goal.met(value),
    }


def lines(report: dict[str, object], write: Callable[[str], object]) -> None:
    """The result as a table."""
    results = report["results"]
    if not isinstance(results, dict):
        raise TypeError("a report holds results by server")
    kinds = list(results)
    ratios = report.get("ratios", {})
    with_ratio = isinstance(ratios, dict) and bool(ratios)
    titles = [*kinds, *(["ratio"] if with_ratio else [])]
    write(f"{report['scenario']:<40}" + "".join(f"{title:>16}" for title in titles))
    for name in results[kinds[0]]:
        cells = [f"{_number(results[kind].get(name, 0)):>16}" for kind in kinds]
        if isinstance(ratios, dict) and name in ratios:
            cells.append(f"{ratios[name]:>16.3f}")
        write(f"{name:<40}" + "".join(cells))
    goal = report.get("goal")
    if isinstance(goal, dict):
        sign = "≥" if goal["at_least"] else "≤"
        verdict = "met" if goal["met"] else "NOT met"
        write(
            f"goal: {goal['figure']} ({goal['kind']}) {sign} {goal['bound']:g}: "
            f"{goal['reached']:.3f}, {verdict}"
        )


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.3f}"  # noqa: PLR2004 - a matter of layout alone
