"""`arqonbus serve`: load, check everything, and only then start."""

import sys
from pathlib import Path

import click

from arqonbus.app.exits import Exit
from arqonbus.cli.sources import read, report, source_options
from arqonbus.config.model import Settings


@click.command()
@source_options
def serve(config: Path | None, **flags: object) -> None:
    """Run the bus until SIGTERM or SIGINT.

    Without anything it serves this machine on 127.0.0.1:9100 and keeps messages in ./data.
    Every setting can be given in the file or as ARQONBUS_… as well; a flag beats the
    environment, the environment beats the file. Nothing listens before storage is open and
    every check has passed. SIGHUP reads policies, keys and certificates anew.

    \b
    arqonbus serve                              this machine only, no authentication
    arqonbus serve --config bus.toml            docs/shield.md writes one for production
    ARQONBUS_AUTH_SECRET_FILE=bus.key arqonbus serve
    """  # noqa: D301 - \b is click's mark for a block that is not re-wrapped
    loaded, found = read(config, flags)
    if loaded is None or found:
        report(found)
        sys.exit(Exit.CONFIG)
    sys.exit(_run(loaded.settings))


def _run(settings: Settings) -> int:
    # Imported here: a refused configuration needs no event loop, sockets, storage or log.
    from arqonbus.app.server import run  # noqa: PLC0415 - see above

    return run(settings)
