"""The `arqonbus` command."""

from typing import ClassVar

import click

from arqonbus.cli.lazy import LazyGroup
from arqonbus.version import __version__


class _Commands(LazyGroup):
    """Every command of ArqonBus."""

    places: ClassVar = {
        "serve": "arqonbus.cli.serve:serve",
        "check-config": "arqonbus.cli.check_config:check_config",
        "stream": "arqonbus.cli.stream:stream",
        "access": "arqonbus.cli.access:access",
        "token": "arqonbus.cli.token:token",
        "audit": "arqonbus.cli.audit:audit",
        "bench": "arqonbus.bench.cli:bench",
    }


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="arqonbus")
def main() -> None:
    """ArqonBus: a WebSocket message bus that never says more than it did.

    \b
    arqonbus serve                    run a bus on this machine, messages kept in ./data
    arqonbus check-config             see every setting and where it came from
    arqonbus token secret FILE        a secret to sign with; then: token mint, token verify
    arqonbus access init FILE         who may do what; then: access explain, access diff
    arqonbus stream export ROOM CH F  a channel into a file, back, and verified
    arqonbus audit export FILE        who was refused what, and who changed what
    arqonbus bench fanout             measure a bus under load
    arqonbus COMMAND --help           what a command takes
    """  # noqa: D301 - \b is click's mark for a block that is not re-wrapped
