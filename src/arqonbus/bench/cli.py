"""`arqonbus bench`: the commands."""

from __future__ import annotations

import functools
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec

import click

from arqonbus.bench import report
from arqonbus.bench.errors import BenchError
from arqonbus.bench.plan import Outcome, ServerKind
from arqonbus.bench.run import Load, Place, alternate, plans_for, scratch
from arqonbus.bench.system import pin, sync_rate

P = ParamSpec("P")
_SYNC_SECONDS = 2.0


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def bench() -> None:
    """Measure a bus, alone or beside a NATS server in the same run.

    Every command starts the server itself, fresh, on free ports and one core, and loads it over
    WebSocket from a process on the other core. The server's CPU time comes from the operating
    system. What arrives is counted and checked: a message that is missing, doubled or out of
    order ends the command with status 1 and without figures. A goal that is not met ends it with
    status 3.

    \b
    arqonbus bench fanout --subscribers 1000 --compare-nats   one publisher, many subscribers
    arqonbus bench fanout --subscribers 100 --window 1        one message at a time
    arqonbus bench latency --compare-nats                     1 to 10 at 1,000 messages a second
    arqonbus bench ingest --qos 1                             publishers alone, with receipts
    arqonbus bench connections --connections 2000             memory of an idle connection
    arqonbus bench durable                                    receipts from disk, and the disk alone

    Comparing needs the nats-server program: pip install 'arqonbus[bench]'.
    """  # noqa: D301 - \b is click's mark for a block that is not re-wrapped


def common(function: Callable[P, None]) -> Callable[P, None]:
    """Options that every command has, and one way for failures to end."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
    options = (
        click.option("--payload", default=128, show_default=True, type=click.IntRange(16, 65536),
                     help="Characters of payload in a message."),
        click.option("--codec", default="json", show_default=True,
                     type=click.Choice(["json", "msgpack"]), help="ArqonBus subprotocol."),
        click.option("--cpu-server", default=cores[0], show_default=True,
                     help="Core that the server is bound to."),
        click.option("--cpu-clients", default=cores[-1], show_default=True,
                     help="Core that the load client is bound to."),
        click.option("--folder", default=".", show_default=True,
                     type=click.Path(exists=True, file_okay=False, path_type=Path),
                     help="Where temporary files go: its disk is the one that is measured."),
        click.option("--rounds", default=1, show_default=True, type=click.IntRange(1, 100),
                     help="Repetitions; medians are reported, servers take turns."),
        click.option("--json", "as_json", is_flag=True, help="The whole result as JSON."),
    )  # fmt: skip

    @functools.wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        # A stopped command must not leave its servers behind.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        try:
            function(*args, **kwargs)
        except BenchError as error:
            _clear()
            click.echo(f"error: {error}", err=True)
            sys.exit(1)

    command: Callable[P, None] = guarded
    for option in reversed(options):
        command = option(command)
    return command


def servers(function: Callable[P, None]) -> Callable[P, None]:
    """Options that choose the measured servers."""
    choose = click.option(
        "--server",
        default="arqonbus",
        show_default=True,
        type=click.Choice(["arqonbus", "nats"]),
        help="The server to measure.",
    )
    compare = click.option("--compare-nats", is_flag=True, help="Measure NATS too, taking turns.")
    return choose(compare(function))


SECONDS = click.option(
    "--seconds", default=5.0, show_default=True, type=click.FloatRange(0.1, 60), help="Load time."
)
QOS = click.option(
    "--qos", default="0", show_default=True, type=click.Choice(["0", "1"]),
    help="1: the publisher gets a receipt for every message (ArqonBus only).",
)  # fmt: skip


@bench.command()
@click.option("--subscribers", default=1000, show_default=True, type=click.IntRange(1, 50000))
@SECONDS
@QOS
@click.option("--window", default=512, show_default=True, type=click.IntRange(1, 100000),
              help="Messages under way at a time; 1 is one message at a time.")  # fmt: skip
@click.option("--checked", default=10, show_default=True, type=click.IntRange(1, 50000),
              help="Subscribers checked message by message; of others bytes.")  # fmt: skip
@servers
@common
def fanout(subscribers: int, seconds: float, window: int, checked: int, **options: object) -> None:
    """One publisher to many subscribers, as fast as the slowest checked one allows.

    Goals, on server CPU per delivery beside NATS at qos 0: 1,000 subscribers at most 0.35 ×, 100
    at most 0.5 ×, 1 at most 4 ×.
    """
    load = Load(
        subscribers=subscribers,
        seconds=seconds,
        window=window,
        checked=min(checked, subscribers),
    )
    goal = report.fanout_goal(subscribers) if window > 1 and options["qos"] == "0" else None
    _run("fanout", load, options, goal)


@bench.command()
@click.option("--publishers", default=4, show_default=True, type=click.IntRange(1, 1000))
@SECONDS
@QOS
@click.option("--window", default=1024, show_default=True, type=click.IntRange(1, 100000),
              help="Messages under way at a time, all publishers together.")  # fmt: skip
@servers
@common
def ingest(publishers: int, seconds: float, window: int, **options: object) -> None:
    """Publishers without a subscriber: what accepting and storing a message costs."""
    load = Load(publishers=publishers, seconds=seconds, window=window)
    _run("ingest", load, options, None)


@bench.command()
@click.option("--subscribers", default=10, show_default=True, type=click.IntRange(1, 1000))
@click.option("--rate", default=1000, show_default=True, type=click.IntRange(1, 100000),
              help="Messages a second.")  # fmt: skip
@SECONDS
@QOS
@servers
@common
def latency(subscribers: int, rate: int, seconds: float, **options: object) -> None:
    """Time from the publisher's socket to each subscriber at a steady rate.

    Goal, beside NATS: p99 at most 2 × with 10 subscribers at 1,000 messages a second.
    """
    load = Load(subscribers=subscribers, rate=rate, seconds=seconds)
    asked = (subscribers, rate) == (10, 1000)
    _run("latency", load, options, report.LATENCY_GOAL if asked else None)


@bench.command()
@click.option("--connections", default=2000, show_default=True, type=click.IntRange(1, 50000))
@servers
@common
def connections(connections: int, **options: object) -> None:
    """Memory that an idle connection with one subscription takes in the server.

    The goal is at most 20 KiB.
    """
    _run("connections", Load(subscribers=connections), options, report.CONNECTIONS_GOAL)


@bench.command()
@click.option("--in-flight", default=256, show_default=True, type=click.IntRange(1, 100000),
              help="Publishes that wait for their receipts at a time.")  # fmt: skip
@click.option("--publishers", default=1, show_default=True, type=click.IntRange(1, 1000))
@SECONDS
@common
def durable(in_flight: int, publishers: int, seconds: float, **options: object) -> None:
    """Publishes to the sqlite store with receipts, beside the disk's own pace of single fsyncs.

    Goal: at least 10 messages for each fdatasync that the same disk does alone, measured just
    before and just after.
    """
    place = _place(options, store="sqlite")
    pin(0, place.client_core)
    load = Load(publishers=publishers, window=in_flight, seconds=seconds)
    with scratch(place.folder) as folder:
        before = sync_rate(folder, min(seconds, _SYNC_SECONDS))
        outcomes = _outcomes("ingest", load, options | {"qos": "1"}, place)
        after = sync_rate(folder, min(seconds, _SYNC_SECONDS))
    settings = {**load, **_settings(options), "syncs_per_second": [before, after]}
    rate = (before + after) / 2
    result = report.document("durable", settings, outcomes, None)
    _finish(result, options, _durable_goal(result, rate))


def _durable_goal(result: dict[str, object], rate: float) -> report.Goal:
    results = result["results"]
    if isinstance(results, dict):
        figures = results["arqonbus"]
        figures["single_syncs_per_second"] = rate
        figures["messages_per_single_sync"] = figures["messages_per_second"] / rate
    return report.DURABLE_GOAL


def _run(scenario: str, load: Load, options: dict[str, object], goal: report.Goal | None) -> None:
    outcomes = _outcomes(scenario, load, options, _place(options))
    settings = {**load, **_settings(options)}
    _finish(report.document(scenario, settings, outcomes, goal), options, None)


def _place(options: dict[str, object], store: str = "memory") -> Place:
    server, client, folder = options["cpu_server"], options["cpu_clients"], options["folder"]
    if not (isinstance(server, int) and isinstance(client, int) and isinstance(folder, Path)):
        raise TypeError("cores are numbers, the folder is a path")
    return Place(server, client, folder, store)


def _outcomes(
    scenario: str, load: Load, options: dict[str, object], place: Place
) -> dict[ServerKind, list[Outcome]]:
    payload, rounds = options["payload"], options["rounds"]
    if not (isinstance(payload, int) and isinstance(rounds, int)):
        raise TypeError("payload and rounds are numbers")
    load["payload"] = payload
    plans = plans_for(
        scenario,
        _kinds(options),
        str(options["codec"]),
        int(str(options.get("qos", "0"))),
        **load,
    )
    outcomes = alternate(plans, place, rounds, _show)
    _clear()
    return outcomes


def _kinds(options: dict[str, object]) -> list[ServerKind]:
    if options.get("compare_nats"):
        return ["arqonbus", "nats"]
    return ["nats" if options.get("server") == "nats" else "arqonbus"]


def _settings(options: dict[str, object]) -> dict[str, object]:
    shown = ("codec", "qos", "cpu_server", "cpu_clients", "rounds", "payload")
    return {name: options[name] for name in shown if name in options}


def _finish(
    result: dict[str, object], options: dict[str, object], goal: report.Goal | None
) -> None:
    if goal is not None:
        report.judge(result, goal)
    if options["as_json"]:
        click.echo(json.dumps(result, indent=2))
    else:
        report.lines(result, click.echo)
    judged = result.get("goal")
    if isinstance(judged, dict) and not judged["met"]:
        sys.exit(3)


def _show(text: str) -> None:
    """One line: written over on a terminal, one after the other elsewhere."""
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[K{text[:100]}", err=True, nl=False)
    else:
        click.echo(text, err=True)


def _clear() -> None:
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", err=True, nl=False)
