"""The `arqonbus` command."""

import click

from arqonbus.bench.cli import bench
from arqonbus.cli.access import access
from arqonbus.cli.audit import audit
from arqonbus.cli.check_config import check_config
from arqonbus.cli.serve import serve
from arqonbus.cli.stream import stream
from arqonbus.cli.token import token
from arqonbus.version import __version__


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
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


main.add_command(serve)
main.add_command(check_config)
main.add_command(stream)
main.add_command(access)
main.add_command(token)
main.add_command(audit)
main.add_command(bench)
