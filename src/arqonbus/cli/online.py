"""What the commands share that talk to a running bus."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import click

from arqonbus.app.exits import Exit
from arqonbus.client import Client, ClientError

Command = Callable[..., object]

_PROGRESS_SECONDS: Final = 0.5

_connection = (
    click.option("--url", default="ws://127.0.0.1:9100", show_default=True, help="The bus."),
    click.option(
        "--token-file",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        help="File with the bearer token, for a bus that wants one.",
    ),
)


def connects(command: Command) -> Command:
    """Give a command the options `url` and `token_file`."""
    for option in reversed(_connection):
        command = option(command)
    return command


class Progress:
    """One line on a terminal that is written over, or now and then a line of its own."""

    def __init__(self, verb: str, noun: str = "messages") -> None:
        self._verb = verb
        self._noun = noun
        self._shown = 0.0
        self._terminal = sys.stderr.isatty()

    def __call__(self, done: int, total: int) -> None:
        """Show it, unless the last time was a moment ago."""
        now = time.monotonic()
        if done < total and now - self._shown < _PROGRESS_SECONDS:
            return
        self._shown = now
        share = f" ({100 * done // total} %)" if total else ""
        end = "\r" if self._terminal and done < total else "\n"
        click.echo(f"{self._verb}: {done:,} of {total:,} {self._noun}{share}", err=True, nl=False)
        click.echo(end, err=True, nl=False)


def run(
    url: str,
    token_file: Path | None,
    work: Callable[[Client], Awaitable[None]],
    exits: dict[type[Exception], int],
) -> None:
    """Connect and work; what goes wrong is told, and ends the process with its exit code."""
    token = _token(token_file) if token_file is not None else None

    async def connected() -> None:
        async with Client(url, token=token) as client:
            await work(client)

    try:
        asyncio.run(connected())
    except tuple(exits) as error:
        click.echo(f"arqonbus: {error}", err=True)
        sys.exit(next(code for kind, code in exits.items() if isinstance(error, kind)))
    except ClientError as error:
        click.echo(f"arqonbus: {error}", err=True)
        sys.exit(Exit.UNAVAILABLE)
    except TimeoutError:
        click.echo("arqonbus: the bus did not answer in time", err=True)
        sys.exit(Exit.UNAVAILABLE)
    except OSError as error:
        click.echo(f"arqonbus: {error}", err=True)
        sys.exit(Exit.IO)


def _token(file: Path) -> str:
    try:
        return file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"{file} holds no token: {error}") from error
