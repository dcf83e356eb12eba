"""The load tool against real servers: small loads, every check on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.server import environment

from arqonbus.bench.cli import bench
from arqonbus.bench.plan import Plan
from arqonbus.bench.run import Place, measure


def run(folder: Path, *arguments: str) -> dict[str, dict[str, dict[str, float]]]:
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
    figures = run(tmp_path, "durable", "--seconds", "0.3")["results"]["arqonbus"]
    assert figures["receipts"] == figures["messages"]
    assert figures["single_syncs_per_second"] > 0


def test_progress_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment({}).items():
        monkeypatch.setenv(name, value)
    plan = Plan(scenario="fanout", server="arqonbus", port=0, pid=0, subscribers=2, seconds=0.1)
    told: list[str] = []
    measure(plan, Place(None, None, tmp_path), told.append)
    assert any("2 of 2 connected" in line for line in told)
