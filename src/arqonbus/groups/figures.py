"""The groups' books as metrics, summed over all groups: a label for each would have no bound."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from arqonbus.groups.tasks import Counts

if TYPE_CHECKING:
    from arqonbus.groups.engine import Groups


class GroupFigures(Collector):
    """``offered = acked + dead + lost + in_flight + waiting``, at every moment."""

    def __init__(self, groups: Groups) -> None:
        self._groups = groups

    def report(self) -> dict[str, object]:
        """All of it, for people."""
        counts, open_tasks = self._sums()
        return {
            "groups": len(list(self._groups)),
            "workers": self._workers(),
            **asdict(counts),
            **open_tasks,
            "balanced": all(group.state.balanced for group in self._groups),
        }

    def collect(self) -> Iterator[Metric]:
        """See `prometheus_client.registry.Collector`."""
        counts, open_tasks = self._sums()
        done = CounterMetricFamily(
            "arqonbus_group_tasks", "Positions offered to groups, and their ends.", labels=["end"]
        )
        for end, count in asdict(counts).items():
            done.add_metric([end], count)
        yield done
        unsettled = GaugeMetricFamily(
            "arqonbus_group_tasks_open", "Tasks that are not settled.", labels=["state"]
        )
        for state, count in open_tasks.items():
            unsettled.add_metric([state], count)
        yield unsettled
        yield GaugeMetricFamily("arqonbus_groups", "Consumer groups.", len(list(self._groups)))
        yield GaugeMetricFamily("arqonbus_group_workers", "Workers joined.", self._workers())

    def _workers(self) -> int:
        return sum(len(group.peers) for group in self._groups)

    def _sums(self) -> tuple[Counts, dict[str, int]]:
        counts, open_tasks = Counts(), {"in_flight": 0, "waiting": 0}
        counts.add(self._groups.past)
        for group in self._groups:
            state = group.state
            counts.add(state.counts)
            open_tasks["in_flight"] += len(state.held)
            open_tasks["waiting"] += len(state.waiting) + len(state.spent)
        return counts, open_tasks
