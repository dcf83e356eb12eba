"""Several loads on several servers, taking turns, and how ArqonBus stands to each of the others."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import NamedTuple, TypedDict

import msgspec

from arqonbus.bench.plan import Outcome, Plan, ServerKind
from arqonbus.bench.report import Figures, figures, middle
from arqonbus.bench.run import Place, Show, measure, scratch
from arqonbus.bench.system import pin, sync_rate

_SYNC_SECONDS = 2.0
# What a batch is gathered from: fewer in flight don't make many messages a sync.
_MANY = 256
_PER_SYNC = 10.0


class Case(NamedTuple):
    """One load: connections, and messages under way on all of them together."""

    publishers: int
    in_flight: int


class Ratio(TypedDict):
    """Ours divided by a peer's of the same round: the median, and how far rounds lay apart."""

    median: float
    least: float
    most: float


class Judged(TypedDict):
    """A figure and the least that it should be."""

    figure: str
    bound: float
    reached: float
    met: bool


class CaseResult(TypedDict):
    """Medians and all rounds of one load."""

    publishers: int
    in_flight: int
    results: dict[ServerKind, Figures]
    ratios: dict[ServerKind, Ratio]
    goals: list[Judged]
    rounds: dict[ServerKind, list[Figures]]


class Cases(TypedDict):
    """The whole result."""

    scenario: str
    settings: dict[str, object]
    syncs_per_second: tuple[float, float]
    cases: list[CaseResult]


Outcomes = dict[ServerKind, list[Outcome]]


def compare(  # noqa: PLR0913, PLR0917 - a run in whole
    plan: Plan,
    cases: Sequence[Case],
    kinds: Sequence[ServerKind],
    place: Place,
    rounds: int,
    show: Show,
) -> Cases:
    """Measure every case on every server once a round, between two looks at the disk alone.

    Raises:
        BenchError: anything went wrong; there are no figures then.
    """
    pin(0, place.client_core)
    with scratch(place.folder) as folder:
        before = sync_rate(folder, min(plan.seconds, _SYNC_SECONDS))
        found = _alternate(plan, cases, kinds, place, rounds, show)
        after = sync_rate(folder, min(plan.seconds, _SYNC_SECONDS))
    settings: dict[str, object] = {
        "payload": plan.payload,
        "codec": plan.codec,
        "seconds": plan.seconds,
        "rounds": rounds,
        "cpu_server": place.server_core,
        "cpu_clients": place.client_core,
    }
    results = [_result(case, found[case], (before + after) / 2) for case in cases]
    return {
        "scenario": plan.scenario,
        "settings": settings,
        "syncs_per_second": (before, after),
        "cases": results,
    }


def _alternate(  # noqa: PLR0913, PLR0917 - the same facts as `compare` takes
    plan: Plan,
    cases: Sequence[Case],
    kinds: Sequence[ServerKind],
    place: Place,
    rounds: int,
    show: Show,
) -> dict[Case, Outcomes]:
    found: dict[Case, Outcomes] = {case: {kind: [] for kind in kinds} for case in cases}
    for number in range(rounds):
        for case in cases:
            for kind in kinds:
                show(
                    f"{kind}: {case.publishers} publishers, {case.in_flight} in flight, "
                    f"round {number + 1} of {rounds}"
                )
                ready = msgspec.structs.replace(
                    plan, server=kind, publishers=case.publishers, window=case.in_flight
                )
                found[case][kind].append(measure(ready, place, show))
    return found


def _result(case: Case, outcomes: Outcomes, syncs: float) -> CaseResult:
    results = {kind: middle(measured) for kind, measured in outcomes.items()}
    ours = results["arqonbus"]
    ours["messages_per_single_sync"] = ours["messages_per_second"] / syncs
    ratios: dict[ServerKind, Ratio] = {
        kind: ratio(outcomes["arqonbus"], measured)
        for kind, measured in outcomes.items()
        if not kind.startswith("arqonbus")
    }
    goals = [_judged(f"ratio to {kind}", 1.0, found["median"]) for kind, found in ratios.items()]
    if case.in_flight >= _MANY:
        reached = ours["messages_per_single_sync"]
        goals.append(_judged("messages for each single sync", _PER_SYNC, reached))
    return {
        "publishers": case.publishers,
        "in_flight": case.in_flight,
        "results": results,
        "ratios": ratios,
        "goals": goals,
        "rounds": {kind: [figures(o) for o in measured] for kind, measured in outcomes.items()},
    }


def ratio(ours: Sequence[Outcome], theirs: Sequence[Outcome]) -> Ratio:
    """Round by round, since what slows the machine meets both."""
    found = [
        a.messages_per_second / b.messages_per_second for a, b in zip(ours, theirs, strict=True)
    ]
    return {"median": median(found), "least": min(found), "most": max(found)}


def _judged(figure: str, bound: float, reached: float) -> Judged:
    return {"figure": figure, "bound": bound, "reached": reached, "met": reached >= bound}
