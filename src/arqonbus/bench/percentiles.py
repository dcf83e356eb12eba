"""Percentiles by the nearest rank: every figure is one that was measured."""

from __future__ import annotations

from collections.abc import Sequence

WANTED = (50.0, 90.0, 99.0, 99.9)


def percentile(ordered: Sequence[float], wanted: float) -> float:
    """The smallest value that at least `wanted` percent are not above; `ordered` ascends."""
    # In tenths of a percent, as integers: 0.999 * 1000 is a little more than 999.
    rank = -(-round(wanted * 10) * len(ordered) // 1000)
    return ordered[max(rank, 1) - 1]


def summary(values: Sequence[float]) -> dict[str, float]:
    """``p50`` … ``p99.9`` and ``max``; empty without values."""
    if not values:
        return {}
    ordered = sorted(values)
    figures = {f"p{wanted:g}": percentile(ordered, wanted) for wanted in WANTED}
    return figures | {"max": ordered[-1]}
