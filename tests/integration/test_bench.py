"""The load tool against real servers: small loads, every check on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from support.server import environment

from arqonbus.bench.cli import bench
from arqonbus.bench.plan import Plan
from arqonbus.bench.run import Place, measure


def run(folder: Path, *arguments: str) -> dict[str, Any]:
    """A command's JSON; whether this machine meets a goal right now is not what is tested."""
    result = CliRunner().invoke(
        bench,
        [*arguments, "--folder", str(folder), "--json"],
        env=environment({}),
        catch_exceptions=False,
    )
    assert result.exit_code in (0, 3), result.output
    report = json.loads(result.stdout)
    assert isinstance(report, dict)
    assert list(folder.iterdir()) == []
    return report


@pytest.mark.parametrize("server", ["arqonbus", "nats"])
@pytest.mark.parametrize("window", ["1", "64"])
def test_fanout_counts_what_arrived(tmp_path: Path, server: str, window: str) -> None:
    load = ["--subscribers", "7", "--checked", "2", "--seconds", "0.3", "--window", window]
    figures = run(tmp_path, "fanout", *load, "--server", server)["results"][server]
    assert figures["deliveries"] == 7 * figures["messages"]
    assert figures["subscribers_checked_message_by_message"] == 2


def test_every_receipt_is_counted(tmp_path: Path, codec: str) -> None:
    load = ["--subscribers", "3", "--seconds", "0.3", "--qos", "1", "--codec", codec]
    figures = run(tmp_path, "fanout", *load)["results"]["arqonbus"]
    assert figures["receipts"] == figures["messages"]


@pytest.mark.parametrize("qos", ["0", "1"])
def test_ingest_with_many_publishers(tmp_path: Path, qos: str) -> None:
    load = ["--publishers", "3", "--seconds", "0.3", "--qos", qos]
    assert run(tmp_path, "ingest", *load)["results"]["arqonbus"]["messages"] > 0


def test_latency_beside_nats(tmp_path: Path) -> None:
    load = ["--rate", "200", "--seconds", "0.5", "--subscribers", "3"]
    report = run(tmp_path, "latency", *load, "--compare-nats")
    assert report["results"]["arqonbus"]["deliveries"] == 300
    assert "p99_ms" in report["ratios"]


def test_idle_connections(tmp_path: Path) -> None:
    report = run(tmp_path, "connections", "--connections", "60")
    assert report["results"]["arqonbus"]["connections"] == 60


def test_durable_names_the_disk_s_own_pace(tmp_path: Path) -> None:
    report = run(tmp_path, "durable", "--seconds", "0.3")
    (case,) = report["cases"]
    figures = case["results"]["arqonbus"]
    assert figures["receipts"] == figures["messages"]
    assert figures["messages_per_single_sync"] > 0
    assert all(pace > 0 for pace in report["syncs_per_second"])


def test_durable_beside_both_peers(tmp_path: Path) -> None:
    load = ["--peers", "nats,valkey", "--publishers", "1,3", "--in-flight", "1,16", "--rounds", "2"]
    report = run(tmp_path, "durable", *load, "--seconds", "0.2")
    cases = {(case["publishers"], case["in_flight"]): case for case in report["cases"]}
    assert list(cases) == [(1, 1), (1, 16), (3, 3), (3, 16)]
    for case in cases.values():
        assert set(case["rounds"]) == {"arqonbus", "nats", "valkey"}
        assert all(len(rounds) == 2 for rounds in case["rounds"].values())
        for ratio in case["ratios"].values():
            assert 0 < ratio["least"] <= ratio["median"] <= ratio["most"]
        assert {goal["figure"] for goal in case["goals"]} == {"ratio to nats", "ratio to valkey"}


def test_durable_as_a_table(tmp_path: Path) -> None:
    load = ["--peers", "valkey", "--in-flight", "4", "--seconds", "0.2", "--codec", "msgpack"]
    result = CliRunner().invoke(
        bench, ["durable", *load, "--folder", str(tmp_path)], env=environment({})
    )
    assert result.exit_code in (0, 3), result.output
    assert "1 publishers, 4 in flight" in result.stdout
    assert "goal: ratio to valkey ≥ 1" in result.stdout


@pytest.mark.parametrize(
    ("option", "value"), [("--peers", "rabbit"), ("--publishers", "0"), ("--in-flight", "1,x")]
)
def test_a_wrong_list_is_named(option: str, value: str) -> None:
    result = CliRunner().invoke(bench, ["durable", option, value])
    assert result.exit_code == 2
    assert option in result.output


def test_progress_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment({}).items():
        monkeypatch.setenv(name, value)
    plan = Plan(scenario="fanout", server="arqonbus", port=0, pid=0, subscribers=2, seconds=0.1)
    told: list[str] = []
    measure(plan, Place(None, None, tmp_path), told.append)
    assert any("2 of 2 connected" in line for line in told)


def test_a_flood_beside_a_quiet_tenant(tmp_path: Path) -> None:
    load = ["--flooders", "2", "--flood-channels", "3", "--tenant-messages", "1000"]
    report = run(tmp_path, "flood", *load, "--seconds", "0.3")
    assert list(report) == ["alone", "flooded", "flooded with a rate"]
    assert all(figures["p99_ratio"] > 0 for figures in report.values())
