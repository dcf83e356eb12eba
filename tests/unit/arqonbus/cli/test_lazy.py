"""Commands are imported when they are asked for, and every name in the table is one."""

import os
import subprocess
import sys
from typing import ClassVar

import click
import pytest
from click.testing import CliRunner

from arqonbus.cli.lazy import LazyGroup
from arqonbus.cli.main import main


@pytest.mark.parametrize("name", main.list_commands(click.Context(main)))
def test_each_name_is_a_command_with_help(name: str) -> None:
    result = CliRunner().invoke(main, [name, "--help"])
    assert result.exit_code == 0
    assert result.output.startswith(f"Usage: main {name}")


def test_a_name_that_is_none_is_refused() -> None:
    result = CliRunner().invoke(main, ["serv"])
    assert (result.exit_code, "No such command 'serv'" in result.output) == (2, True)


def test_what_is_no_command_is_never_run() -> None:
    class Wrong(LazyGroup):
        """A table with a mistake in it."""

        places: ClassVar = {"version": "arqonbus.version:__version__"}

    result = CliRunner().invoke(Wrong(), ["version"])
    assert isinstance(result.exception, TypeError)


def test_a_refused_configuration_waits_for_no_client_and_no_load_tool() -> None:
    code = (
        "import sys; from arqonbus.cli.main import main\n"
        "try: main(['serve', '--profile', 'prod'])\n"
        "except SystemExit as ended: assert ended.code == 78, ended.code\n"
        "slow = {'aiohttp', 'picows', 'structlog', 'arqonbus.bench', 'arqonbus.client'}\n"
        "print(*sorted(slow & {*sys.modules}))"
    )
    environ = {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr
