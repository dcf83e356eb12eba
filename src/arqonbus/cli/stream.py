"""`arqonbus stream`: a channel into a file, back, and the proof that nothing is missing."""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import IO, Final, TypeVar

import click

from arqonbus.cli.online import Bus, Progress, connects, private
from arqonbus.cli.online import run as run_online
from arqonbus.client import Client
from arqonbus.client.archive import ArchiveError, ArchiveReader
from arqonbus.client.transfer import (
    WINDOW,
    DifferentStreamError,
    compare_channel,
    export_channel,
    import_channel,
)

T = TypeVar("T")

_NOT_INTACT: Final = 1


@click.group()
def stream() -> None:
    """Export, import and verify channels.

    An archive is a file of JSON lines, one message each, in which every line carries a hash over
    all before it: a message that was altered, left out, doubled or moved is found.

    \b
    arqonbus stream export lobby talk talk.jsonl
    arqonbus stream verify talk.jsonl           is the file whole?
    arqonbus stream verify talk.jsonl --live    and does the bus still hold the same?
    arqonbus stream import talk.jsonl lobby copy
    """  # noqa: D301 - \b is click's mark for a block that is not re-wrapped


@stream.command("export")
@click.argument("room")
@click.argument("channel")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@connects
def export(room: str, channel: str, file: Path, force: bool, bus: Bus) -> None:
    """Write all that ROOM CHANNEL keeps at this moment into FILE.

    FILE appears only when it is whole. The chain that is printed stands for all of it: keep it
    apart from the file to compare with `stream verify` later.
    """
    if file.exists() and not force:
        raise click.UsageError(f"{file} exists; --force replaces it")
    part = file.with_name(file.name + ".part")

    async def run(client: Client) -> None:
        with private(part) as out:
            end = await export_channel(client, room, channel, out, Progress("exported"))
            out.flush()
            os.fsync(out.fileno())
        part.replace(file)
        click.echo(f"{end.messages} messages up to position {end.last_seq}, chain {end.chain}")

    try:
        _run(bus, run)
    finally:
        part.unlink(missing_ok=True)


@stream.command("import")
@click.argument("file", type=click.File("rb"))
@click.argument("room")
@click.argument("channel")
@click.option(
    "--window",
    type=click.IntRange(1, WINDOW),
    default=WINDOW,
    show_default=True,
    help="Messages under way at once; 1 for a bus whose rates would refuse some of more.",
)
@connects
def import_(file: IO[bytes], room: str, channel: str, window: int, bus: Bus) -> None:
    """Publish the messages of FILE into ROOM CHANNEL, in order.

    FILE is verified first. Ids, timestamps, payloads and metadata are kept; the sender is who
    imports, and positions begin at 1. A channel that holds the beginning of FILE is continued, so
    an import that broke off can be run again; one that holds anything else is refused.
    """

    async def run(client: Client) -> None:
        told = Progress("imported")
        count = await import_channel(client, room, channel, file, told, window=window)
        click.echo(f"{count} messages published, the rest was there already")

    _run(bus, run)


@stream.command("verify")
@click.argument("file", type=click.File("rb"))
@click.option("--chain", help="The chain that `export` printed; anything else is refused.")
@click.option("--live", is_flag=True, help="Also compare with what the bus holds now.")
@connects
def verify(file: IO[bytes], chain: str | None, live: bool, bus: Bus) -> None:
    """Prove that FILE is whole: nothing altered, missing, doubled or moved. Exits 1 if not."""
    reader = _told(lambda: ArchiveReader(file))
    count = _told(lambda: sum(1 for _ in reader))
    header, end = reader.header, reader.end
    if end is None or (chain is not None and chain != end.chain):
        click.echo(f"NOT INTACT: the chain is {end and end.chain}, not {chain}", err=True)
        sys.exit(_NOT_INTACT)
    click.echo(
        f"intact: {count} messages of {header.room}:{header.channel}, positions"
        f" {header.first_seq} to {end.last_seq}, epoch {header.epoch}, {header.complete}"
    )
    click.echo(f"chain {end.chain}")
    if live:

        async def run(client: Client) -> None:
            file.seek(0)
            same = await compare_channel(
                client, header.room, header.channel, file, Progress("compared")
            )
            gone = f", {count - same} were removed by retention" if same < count else ""
            click.echo(f"live: {same} of {count} messages are the same on the bus{gone}")

        _run(bus, run)


def _told(read: Callable[[], T]) -> T:
    try:
        return read()
    except ArchiveError as error:
        click.echo(f"NOT INTACT: {error}", err=True)
        sys.exit(_NOT_INTACT)


def _run(bus: Bus, work: Callable[[Client], Awaitable[None]]) -> None:
    run_online(
        bus,
        work,
        {ArchiveError: _NOT_INTACT, DifferentStreamError: _NOT_INTACT},
    )
