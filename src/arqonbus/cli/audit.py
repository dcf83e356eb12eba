"""`arqonbus audit`: the audit log into a file, and the proof that nothing was changed in it."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO, Any, Final

import click
import msgspec

from arqonbus.audit.export import Header, Writer
from arqonbus.audit.reading import Verification, verify
from arqonbus.audit.records import GENESIS
from arqonbus.cli.online import Bus, Progress, connects, private, run
from arqonbus.client import Client, ClientError

_NOT_INTACT: Final = 1
_PAGE: Final = 1000

Answer = dict[str, Any]  # Any: a JSON value


class LogChangedError(ClientError):
    """The log began anew, or lost records, while it was read."""


@click.group()
def audit() -> None:
    """Export and verify the audit log.

    Every record carries the hash of the one before: one that was altered, left out, added or moved
    is found. Whether the last ones were cut off is found with --head, the hash that an export
    prints: keep it where whoever can change the log can't.

    \b
    arqonbus audit export audit.jsonl --token-file admin.jwt
    arqonbus audit verify audit.jsonl
    arqonbus audit verify audit.jsonl --head 9f2c…
    """  # noqa: D301 - \b is click's mark for a block that is not re-wrapped


@audit.command("export")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@click.option(
    "--after", type=click.IntRange(min=0), help="Begin behind the `seq` of an earlier export."
)
@click.option("--since", help="Begin with what was stored at this time (RFC 3339, ending in Z).")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
@connects
def export(  # noqa: PLR0913, PLR0917 - click passes each option
    file: Path,
    force: bool,
    after: int | None,
    since: str | None,
    as_json: bool,
    bus: Bus,
) -> None:
    """Write the audit log into FILE.

    It is written as it stands at this moment, for administrators. FILE appears only when it is
    whole, and only its owner can read it. An administrator of one tenant gets the records about
    that tenant, which are no chain: that none is missing can't be proven then.
    """
    if file.exists() and not force:
        raise click.UsageError(f"{file} exists; --force replaces it")
    part = file.with_name(file.name + ".part")
    begin = {"after": after, "since_time": since}
    asked = {name: value for name, value in begin.items() if value is not None}

    async def work(client: Client) -> None:
        with private(part) as out:
            written = await _export(client, out, asked)
            out.flush()
            os.fsync(out.fileno())
        part.replace(file)
        click.echo(msgspec.json.encode(written) if as_json else _sentence(written))

    try:
        run(bus, work, {LogChangedError: _NOT_INTACT})
    finally:
        part.unlink(missing_ok=True)


@audit.command("verify")
@click.argument("file", type=click.File("rb"))
@click.option("--head", help="The head that `export` printed; another one is refused.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def verify_(file: IO[bytes], head: str | None, as_json: bool) -> None:
    """Recompute the chain of FILE, an export. Exits 1 and names the first break if there is one."""
    size = Path(file.name).stat().st_size if Path(file.name).is_file() else 0
    progress = Progress("verified", "bytes")
    found = verify(file, head, lambda done: progress(done, size or done + 1))
    if as_json:
        click.echo(msgspec.json.encode(_document(found)))
    else:
        _tell(found)
    sys.exit(0 if found.broken is None else _NOT_INTACT)


async def _export(client: Client, out: IO[bytes], asked: Answer) -> Answer:
    """Write everything up to what is the newest record now; what the file holds."""
    page = await client.command("audit.read", limit=_PAGE, **asked)
    header = _header(page)
    writer = Writer(out, header)
    progress = Progress("exported", "positions")
    async for one in _pages(client, page):
        for record in one["records"]:
            writer.write(record)
            if record["hash"] == header.head:
                break
        progress((one["next_after"] or header.seq) - page["first_seq"] + 1, header.seq)
    end = writer.finish()
    if header.tenant is None and end.head != header.head:
        raise LogChangedError("the audit log lost its newest records while it was read")
    return {**msgspec.to_builtins(header), "records": end.records, "head": end.head}


async def _pages(client: Client, page: Answer) -> AsyncIterator[Answer]:
    """This page and all behind it, no further than the stream's end now: reading may itself be
    recorded.
    """
    epoch, last = page["epoch"], page["last_seq"]
    yield page
    while page["next_after"] is not None and page["next_after"] < last:
        after = page["next_after"]
        page = await client.command("audit.read", limit=_PAGE, after=after)
        if page["epoch"] != epoch or page["first_seq"] > after + 1:
            raise LogChangedError("records were removed while they were read: export again")
        yield page


def _header(page: Answer) -> Header:
    common = {"bus": page["server"], "epoch": page["epoch"]}
    if page["tenant"] is not None:
        empty = {"first": 0, "last": 0, "head": "", "seq": page["last_seq"]}
        return Header(**common, **empty, tenant=page["tenant"])
    if not page["records"]:
        raise LogChangedError("there are no records in this range")
    head = page["head"]
    first = page["records"][0]["position"]
    return Header(**common, first=first, last=head["position"], head=head["hash"], seq=head["seq"])


def _sentence(written: Answer) -> str:
    what = f"{written['records']} records, seq {written['seq']}, head {written['head']}"
    if written.get("tenant") is None:
        return what
    return f"{what}; only about tenant {written['tenant']}: that none is missing can't be proven"


def _document(found: Verification) -> Answer:
    checked = found.checked
    return {
        "intact": found.broken is None,
        "broken": found.broken,
        "records": checked.records,
        "first": checked.first,
        "last": checked.last,
        "head": checked.head,
        "tenant": found.header and found.header.tenant,
        "begins": checked.begins,
        "before": _before(found),
    }


def _before(found: Verification) -> str:
    """What is before the first record."""
    checked = found.checked
    if checked.anchor == GENESIS:
        return "nothing"
    return "pruned" if checked.anchor in checked.pruned else "not in this file"


def _tell(found: Verification) -> None:
    checked, broken = found.checked, found.broken
    if broken is not None:
        _echo(f"NOT INTACT: line {broken.line} {broken.how}: {broken.why}", err=True)
        return
    tenant = found.header and found.header.tenant
    if tenant:
        _echo(f"{checked.records} records about tenant {tenant}, each unchanged; no chain")
        return
    click.echo(f"intact: {checked.records} records, {checked.first} to {checked.last}")
    if _before(found) != "nothing":
        click.echo(f"before {checked.first}: {_before(found)}")
    for begin in checked.begins:
        _echo(f"a new chain begins at {begin['position']}: {begin.get('why')}")
    click.echo(f"head {checked.head}")


def _echo(text: str, *, err: bool = False) -> None:
    """Without the control characters that a file may hold: they would be the terminal's."""
    click.echo(text.encode("unicode_escape").decode(), err=err)
