"""`arqonbus bench`: the commands."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec

import click

from arqonbus.bench import report
from arqonbus.bench.durable_cli import durable
from arqonbus.bench.flood_cli import flood
from arqonbus.bench.options import SECONDS, clear, common, show
from arqonbus.bench.plan import Outcome, ServerKind
from arqonbus.bench.run import Load, Place, alternate, plans_for

P = ParamSpec("P")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def bench() -> None:
    """Measure a bus, alone or beside others.

    Every command starts the servers itself, fresh, on free ports and one core, and loads them
    from a process on the other core. The server's CPU time comes from the operating
    system. What arrives is counted and checked: a message that is missing, doubled or out of
    order ends the command with status 1 and without figures. A goal that is not met ends it with
    status 3.

    \b
    arqonbus bench fanout --subscribers 1000 --compare-nats   one publisher, many subscribers
    arqonbus bench fanout --subscribers 100 --window 1        one message at a time
    arqonbus bench latency --compare-nats                     1 to 10 at 1,000 messages a second
    arqonbus bench ingest --qos 1                             publishers alone, with receipts
    arqonbus bench connections --connections 2000             memory of an idle connection
    arqonbus bench durable --peers nats,valkey                receipts from disk, beside others'
    arqonbus bench flood                                      what one tenant's flood costs another

    Comparing needs the peers' programs: pip install 'arqonbus[bench]'.
    """  # noqa: D301 - \b is click's mark for a block that is not re-wrapped


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


QOS = click.option(
    "--qos",
    default="0",
    show_default=True,
    type=click.Choice(["0", "1"]),
    help="1: the publisher gets a receipt for every message (ArqonBus only).",
)


@bench.command()
@click.option("--subscribers", default=1000, show_default=True, type=click.IntRange(1, 50000))
@SECONDS
@QOS
@click.option(
    "--window",
    default=512,
    show_default=True,
    type=click.IntRange(1, 100000),
    help="Messages under way at a time; 1 is one message at a time.",
)
@click.option(
    "--checked",
    default=10,
    show_default=True,
    type=click.IntRange(1, 50000),
    help="Subscribers checked message by message; of others bytes.",
)
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
@click.option(
    "--window",
    default=1024,
    show_default=True,
    type=click.IntRange(1, 100000),
    help="Messages under way at a time, all publishers together.",
)
@servers
@common
def ingest(publishers: int, seconds: float, window: int, **options: object) -> None:
    """Publishers without a subscriber: what accepting and storing a message costs."""
    load = Load(publishers=publishers, seconds=seconds, window=window)
    _run("ingest", load, options, None)


@bench.command()
@click.option("--subscribers", default=10, show_default=True, type=click.IntRange(1, 1000))
@click.option(
    "--rate",
    default=1000,
    show_default=True,
    type=click.IntRange(1, 100000),
    help="Messages a second.",
)
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


bench.add_command(durable)
bench.add_command(flood)


def _run(scenario: str, load: Load, options: dict[str, object], goal: report.Goal | None) -> None:
    outcomes = _outcomes(scenario, load, options, _place(options))
    settings = {**load, **_settings(options)}
    _finish(report.document(scenario, settings, outcomes, goal), options)


def _place(options: dict[str, object]) -> Place:
    server, client, folder = options["cpu_server"], options["cpu_clients"], options["folder"]
    if not (isinstance(server, int) and isinstance(client, int) and isinstance(folder, Path)):
        raise TypeError("cores are numbers, the folder is a path")
    return Place(server, client, folder)


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
    outcomes = alternate(plans, place, rounds, show)
    clear()
    return outcomes


def _kinds(options: dict[str, object]) -> list[ServerKind]:
    if options.get("compare_nats"):
        return ["arqonbus", "nats"]
    return ["nats" if options.get("server") == "nats" else "arqonbus"]


def _settings(options: dict[str, object]) -> dict[str, object]:
    shown = ("codec", "qos", "cpu_server", "cpu_clients", "rounds", "payload")
    return {name: options[name] for name in shown if name in options}


def _finish(result: dict[str, object], options: dict[str, object]) -> None:
    if options["as_json"]:
        click.echo(json.dumps(result, indent=2))
    else:
        report.lines(result, click.echo)
    judged = result.get("goal")
    if isinstance(judged, dict) and not judged["met"]:
        sys.exit(3)
