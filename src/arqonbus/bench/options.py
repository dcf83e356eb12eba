"""What the commands of `arqonbus bench` share: options, progress, one way for failures to end."""

from __future__ import annotations

import functools
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec

import click

from arqonbus.bench.errors import BenchError

P = ParamSpec("P")

SECONDS = click.option(
    "--seconds", default=5.0, show_default=True, type=click.FloatRange(0.1, 60), help="Load time."
)


def common(function: Callable[P, None]) -> Callable[P, None]:
    """Options that every command has, and one way for failures to end."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
    options = (
        click.option(
            "--payload",
            default=128,
            show_default=True,
            type=click.IntRange(16, 65536),
            help="Characters of payload in a message.",
        ),
        click.option(
            "--codec",
            default="json",
            show_default=True,
            type=click.Choice(["json", "msgpack"]),
            help="ArqonBus subprotocol.",
        ),
        click.option(
            "--cpu-server",
            default=cores[0],
            show_default=True,
            help="Core that the server is bound to.",
        ),
        click.option(
            "--cpu-clients",
            default=cores[-1],
            show_default=True,
            help="Core that the load client is bound to.",
        ),
        click.option(
            "--folder",
            default=".",
            show_default=True,
            type=click.Path(exists=True, file_okay=False, path_type=Path),
            help="Where temporary files go: its disk is the one that is measured.",
        ),
        click.option(
            "--rounds",
            default=1,
            show_default=True,
            type=click.IntRange(1, 100),
            help="Repetitions; medians are reported, servers take turns.",
        ),
        click.option("--json", "as_json", is_flag=True, help="The whole result as JSON."),
    )

    @functools.wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        # A stopped command must not leave its servers behind.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        try:
            function(*args, **kwargs)
        except BenchError as error:
            clear()
            click.echo(f"error: {error}", err=True)
            sys.exit(1)

    command: Callable[P, None] = guarded
    for option in reversed(options):
        command = option(command)
    return command


def show(text: str) -> None:
    """One line: written over on a terminal, one after the other elsewhere."""
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[K{text[:100]}", err=True, nl=False)
    else:
        click.echo(text, err=True)


def clear() -> None:
    """End the line that `show` wrote over."""
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", err=True, nl=False)
