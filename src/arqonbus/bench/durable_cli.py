"""`arqonbus bench durable`: the command and its table."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from arqonbus.bench.compare import Case, Cases, compare
from arqonbus.bench.options import SECONDS, clear, common, show
from arqonbus.bench.plan import Plan, ServerKind
from arqonbus.bench.run import Place


def _counts(_context: click.Context, _option: click.Parameter, value: str) -> tuple[int, ...]:
    """Numbers with commas between."""
    try:
        counts = tuple(int(part) for part in value.split(","))
    except ValueError:
        counts = ()
    if not counts or min(counts) < 1:
        raise click.BadParameter("whole numbers from 1 on, with commas between")
    return counts


def _peers(_context: click.Context, _option: click.Parameter, value: str) -> list[ServerKind]:
    """Names of servers with commas between."""
    known: dict[str, ServerKind] = {"nats": "nats", "valkey": "valkey"}
    names = [name for name in value.split(",") if name]
    for name in names:
        if name not in known:
            raise click.BadParameter(f"{name!r} is none of {', '.join(known)}")
    return [known[name] for name in names]


@click.command()
@click.option(
    "--peers",
    default="",
    callback=_peers,
    metavar="NAME,…",
    help="Servers to measure as well, taking turns: nats, valkey.",
)
@click.option(
    "--redis-store",
    is_flag=True,
    help="Measure ArqonBus with its Redis store on such a Valkey, too.",
)
@click.option(
    "--publishers",
    default="1",
    show_default=True,
    callback=_counts,
    metavar="N,…",
    help="Connections that publish; several numbers are measured in turn.",
)
@click.option(
    "--in-flight",
    default="256",
    show_default=True,
    callback=_counts,
    metavar="N,…",
    help="Publishes that wait for their receipts at a time, all publishers together; at "
    "least one each, so that 1 is one at a time.",
)
@SECONDS
@common
def durable(  # noqa: PLR0913, PLR0917 - one for each option
    peers: list[ServerKind],
    redis_store: bool,
    publishers: tuple[int, ...],
    in_flight: tuple[int, ...],
    seconds: float,
    payload: int,
    codec: str,
    cpu_server: int,
    cpu_clients: int,
    folder: Path,
    rounds: int,
    as_json: bool,
) -> None:
    """Publishes that are on disk before their receipt, beside the disk's own single fsyncs.

    ArqonBus stores in sqlite, NATS in a JetStream file store with sync_interval always, Valkey in
    a stream with appendfsync always; each publish counts when its receipt came, and all positions
    must be consecutive.

    Goals: at least as many a second as each peer; with 256 or more in flight at least 10 for each
    fdatasync that the same disk does alone, measured just before and just after.
    """
    plan = Plan(
        scenario="durable",
        server="arqonbus",
        port=0,
        pid=0,
        payload=payload,
        seconds=seconds,
        codec="msgpack" if codec == "msgpack" else "json",
    )
    loads = (Case(p, max(p, window)) for p in publishers for window in in_flight)
    cases = list(dict.fromkeys(loads))
    place = Place(cpu_server, cpu_clients, folder, "sqlite")
    kinds: list[ServerKind] = ["arqonbus", *peers]
    if redis_store:
        kinds.append("arqonbus-redis")
    result = compare(plan, cases, kinds, place, rounds, show)
    clear()
    if as_json:
        click.echo(json.dumps(result, indent=2))
    else:
        _table(result)
    if not all(goal["met"] for case in result["cases"] for goal in case["goals"]):
        sys.exit(3)


def _table(result: Cases) -> None:
    before, after = result["syncs_per_second"]
    click.echo(f"the disk alone: {before:,.0f} fsyncs a second before, {after:,.0f} after")
    for case in result["cases"]:
        click.echo(f"{case['publishers']} publishers, {case['in_flight']} in flight")
        for kind, figures in case["results"].items():
            cpu = figures["server_cpu_us_per_message"]
            line = f"  {kind:<14}{figures['messages_per_second']:>12,.0f}/s{cpu:>9.1f} µs CPU"
            ratio = case["ratios"].get(kind)
            if ratio is not None:
                line += "   arqonbus {median:.2f} × ({least:.2f}–{most:.2f})".format(**ratio)
            click.echo(line)
        for goal in case["goals"]:
            verdict = "met" if goal["met"] else "NOT met"
            click.echo(
                f"  goal: {goal['figure']} ≥ {goal['bound']:g}: {goal['reached']:.2f}, {verdict}"
            )
