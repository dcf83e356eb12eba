"""What the commands share that talk to a running bus."""

from __future__ import annotations

import asyncio
import functools
import os
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import IO, Any, Final

import click

from arqonbus.app.exits import Exit
from arqonbus.client import Client, ClientError, TokenProvider, tls_context

Command = Callable[..., object]

_PROGRESS_SECONDS: Final = 0.5

_FILE: Final = click.Path(path_type=Path, exists=True, dir_okay=False)
_connection = (
    click.option("--url", default="ws://127.0.0.1:9100", show_default=True, help="The bus."),
    click.option(
        "--token-file",
        type=_FILE,
        help="File with the bearer token, for a bus that wants one; read anew when one ends.",
    ),
    click.option(
        "--ca-file", type=_FILE, help="PEM file with the authorities to believe, for wss."
    ),
    click.option(
        "--cert-file", type=_FILE, help="PEM file with a certificate, for a bus that wants one."
    ),
    click.option("--key-file", type=_FILE, help="PEM file with the certificate's key."),
)


@dataclass(frozen=True, slots=True)
class Bus:
    """How to reach the bus."""

    url: str
    token_file: Path | None
    ca_file: Path | None
    cert_file: Path | None
    key_file: Path | None

    def client(self) -> Client:
        """A client that has yet to connect."""
        context = None
        if self.ca_file or self.cert_file or self.key_file:
            context = tls_context(
                ca_file=self.ca_file, cert_file=self.cert_file, key_file=self.key_file
            )
        return Client(self.url, token=self._tokens(), ssl_context=context)

    def _tokens(self) -> TokenProvider | None:
        """What reads the file anew for each connection: whoever renews tokens writes it anew."""
        file = self.token_file
        if file is None:
            return None
        _token(file)
        return lambda: _token(file)


def connects(command: Callable[..., None]) -> Command:
    """Give a command the options of `Bus`; it gets them as ``bus``."""

    @functools.wraps(command)
    def connected(**options: Any) -> None:  # noqa: ANN401 - click's values, of each option's type
        names = [field.name for field in fields(Bus)]
        bus = Bus(**{name: options.pop(name) for name in names})
        command(bus=bus, **options)

    made: Command = connected
    for option in reversed(_connection):
        made = option(made)
    return made


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
    bus: Bus,
    work: Callable[[Client], Awaitable[None]],
    exits: dict[type[Exception], int],
) -> None:
    """Connect and work; what goes wrong is told, and ends the process with its exit code."""

    async def connected() -> None:
        async with bus.client() as client:
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
        token = file.read_text("ascii").strip()
    except OSError as error:
        raise click.UsageError(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        # What it says shows a part of what may be a secret.
        raise click.UsageError(f"{file} holds no token, which is plain text") from None
    if len(token.split()) != 1:
        raise click.UsageError(f"{file} holds no token, or more than one")
    return token


def private(file: Path) -> IO[bytes]:
    """`file`, empty, for its owner only: what a bus gives is not for every user of the machine."""
    return os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
