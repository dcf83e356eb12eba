"""`arqonbus bench flood`: what one tenant's flood costs another one."""

from __future__ import annotations

import json
import secrets
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import click
import jwt
import msgspec

from arqonbus.bench.options import SECONDS, clear, common, show
from arqonbus.bench.plan import Outcome, Plan
from arqonbus.bench.run import Place, measure

_HOUR = 3600
_SHOWN = ("p50", "p99")
_POLICY = """
schema = 1
[[rule]]
id = "everybody"
effect = "allow"
subjects = ["*"]
actions = ["publish", "subscribe", "create"]
"""


@click.command()
@click.option(
    "--flooders",
    default=8,
    show_default=True,
    type=click.IntRange(1, 1000),
    help="Connections of the tenant that floods.",
)
@click.option(
    "--flood-channels",
    default=8,
    show_default=True,
    type=click.IntRange(1, 9000),
    help="Channels that they publish to.",
)
@click.option(
    "--tenant-messages",
    default=10_000,
    show_default=True,
    type=click.IntRange(1000, 1_000_000),
    help="rates.tenant_messages in the third case.",
)
@click.option(
    "--rate",
    default=200,
    show_default=True,
    type=click.IntRange(1, 100_000),
    help="Messages a second of the quiet tenant, 1 to 1.",
)
@click.option(
    "--store",
    default="memory",
    show_default=True,
    type=click.Choice(["memory", "sqlite"]),
    help="The store.",
)
@SECONDS
@common
def flood(  # noqa: PLR0913, PLR0917 - one for each option
    flooders: int,
    flood_channels: int,
    tenant_messages: int,
    rate: int,
    store: str,
    seconds: float,
    payload: int,
    codec: str,
    cpu_server: int,
    cpu_clients: int,
    folder: Path,
    rounds: int,
    as_json: bool,
) -> None:
    """Latency of a quiet tenant's messages: alone, and while another tenant floods the server.

    Three cases take turns: alone, flooded with the default settings, and flooded with a rate set.
    """
    secret = secrets.token_urlsafe(48)
    plan = Plan(
        scenario="latency",
        server="arqonbus",
        port=0,
        pid=0,
        rate=rate,
        seconds=seconds,
        payload=payload,
        codec="msgpack" if codec == "msgpack" else "json",
        token=_token(secret, "quiet"),
        flood_token=_token(secret, "loud"),
        flood_channels=flood_channels,
    )
    limit = {"RATES_TENANT_MESSAGES": str(tenant_messages)}
    cases = {"alone": (0, {}), "flooded": (flooders, {}), "flooded with a rate": (flooders, limit)}
    outcomes: dict[str, list[Outcome]] = {name: [] for name in cases}
    with TemporaryDirectory() as policies:
        shield = {"AUTH_SECRET": secret, "ACCESS_POLICY_FILE": str(_policy(Path(policies)))}
        for number in range(rounds):
            for name, (count, settings) in cases.items():
                show(f"{name}: round {number + 1} of {rounds}")
                place = Place(cpu_server, cpu_clients, folder, store, shield | settings)
                loud = msgspec.structs.replace(plan, flooders=count)
                outcomes[name].append(measure(loud, place, show))
    clear()
    result = _result(outcomes)
    click.echo(json.dumps(result, indent=2)) if as_json else _table(result)


def _policy(folder: Path) -> Path:
    """A file by which both tenants may do what the load consists of."""
    file = folder / "access.toml"
    file.write_text(_POLICY, encoding="utf-8")
    return file


def _token(secret: str, tenant: str) -> str:
    now = int(time.time())
    claims = {"sub": "bench", "tenant": tenant, "iat": now, "exp": now + _HOUR}
    return jwt.encode(claims, secret, "HS256")


def _result(outcomes: dict[str, list[Outcome]]) -> dict[str, dict[str, float]]:
    """Medians over the rounds, and their ratio to those of the tenant that is alone."""
    result: dict[str, dict[str, float]] = {}
    for name, rounds in outcomes.items():
        result[name] = {
            figure: median(outcome.latency_ms[figure] for outcome in rounds) for figure in _SHOWN
        }
    for figures in result.values():
        figures |= {f"{it}_ratio": figures[it] / result["alone"][it] for it in _SHOWN}
    return result


def _table(result: dict[str, dict[str, float]]) -> None:
    for name, figures in result.items():
        cells = [f"{it} {figures[it]:9.3f} ms ({figures[f'{it}_ratio']:6.1f} ×)" for it in _SHOWN]
        click.echo(f"{name:<22}" + "  ".join(cells))
