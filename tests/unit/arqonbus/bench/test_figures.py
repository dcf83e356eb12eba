from __future__ import annotations

import os
from pathlib import Path

import pytest

from arqonbus.bench import report, system
from arqonbus.bench.errors import BenchError
from arqonbus.bench.percentiles import percentile, summary
from arqonbus.bench.plan import Outcome


def test_percentiles_are_measured_values() -> None:
    values = [float(n) for n in range(1, 1001)]
    assert summary(values[::-1]) == {
        "p50": 500, "p90": 900, "p99": 990, "p99.9": 999, "max": 1000,
    }  # fmt: skip
    assert percentile([3.0], 99.9) == 3.0
    assert summary([]) == {}


def outcome(cpu: float) -> Outcome:
    return Outcome(messages=10, deliveries=1000, seconds=2.0, server_cpu_seconds=cpu)


def test_figures_are_per_message_delivery_and_second() -> None:
    found = report.figures(outcome(0.001))
    assert found["server_cpu_us_per_message"] == pytest.approx(100)
    assert found["server_cpu_us_per_delivery"] == pytest.approx(1)
    assert found["deliveries_per_second"] == 500


@pytest.mark.parametrize(("ours", "met"), [(0.0035, True), (0.0036, False)])
def test_a_goal_is_on_the_ratio_to_the_other_server(ours: float, met: bool) -> None:
    outcomes = {"arqonbus": [outcome(ours)], "nats": [outcome(0.01)]}
    result = report.document("fanout", {}, outcomes, report.fanout_goal(1000))  # type: ignore[arg-type] # plain str keys
    goal = result["goal"]
    assert isinstance(goal, dict)
    assert goal["met"] is met
    written: list[str] = []
    report.lines(result, written.append)
    assert ("NOT met" in written[-1]) is not met


def test_without_the_other_server_no_goal_is_claimed() -> None:
    result = report.document("fanout", {}, {"arqonbus": [outcome(1)]}, report.fanout_goal(1000))
    assert "goal" not in result


def test_the_median_of_the_rounds_is_reported() -> None:
    rounds = [outcome(cpu) for cpu in (0.003, 0.001, 0.009)]
    assert report.middle(rounds)["server_cpu_us_per_delivery"] == pytest.approx(3)


def test_the_operating_system_knows_this_process() -> None:
    before = system.cpu_seconds(os.getpid())
    while system.cpu_seconds(os.getpid()) == before:
        sum(range(10_000))
    assert system.memory_kib(os.getpid()) > 1000


def test_a_core_that_is_not_there_is_named() -> None:
    with pytest.raises(BenchError, match="core 4095"):
        system.pin(os.getpid(), 4095)


def test_the_disk_is_measured_and_nothing_is_left(tmp_path: Path) -> None:
    assert system.sync_rate(tmp_path, 0.05) > 0
    assert list(tmp_path.iterdir()) == []
