"""What `check-config` and a refused `serve` say."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from arqonbus.app.exits import Exit
from arqonbus.cli.main import main
from arqonbus.config.names import known_settings
from arqonbus.version import __version__

SECRET = "kP4vX9sQ2mT7wZ1rB6nY3cL8dF5gH0jA"


def ran(*arguments: str, **environ: str) -> Result:
    return CliRunner().invoke(main, arguments, env=environ)


def test_the_table_shows_every_value_and_its_origin(tmp_path: Path) -> None:
    file = tmp_path / "bus.toml"
    file.write_text("[limits]\nbatch_messages = 7\n")
    result = ran("check-config", "--config", str(file), "--port", "1", ARQONBUS_AUTH_SECRET=SECRET)
    assert result.exit_code == Exit.OK
    rows = {line.split()[0]: line for line in result.stdout.splitlines() if line.strip()}
    assert rows.keys() >= {setting.path for setting in known_settings()}
    assert rows["port"].split() == ["port", "1", "flag", "--port"]
    assert rows["limits.batch_messages"].endswith(f"{file}:limits.batch_messages")
    assert rows["auth.secret"].endswith("environment variable ARQONBUS_AUTH_SECRET")
    assert SECRET not in result.output


def test_the_same_as_json() -> None:
    result = ran("check-config", "--json", ARQONBUS_AUTH_SECRET=SECRET)
    document = json.loads(result.stdout)
    assert (result.exit_code, document["ok"], document["problems"]) == (0, True, [])
    assert document["settings"]["port"] == {
        "value": 9100,
        "from": "default",
        "env": "ARQONBUS_PORT",
    }
    assert document["settings"]["auth.secret"]["value"] == "********"
    assert document["settings"]["auth.algorithm"]["value"] == ["HS256"]
    assert document["settings"]["auth.secret_file"]["value"] == []
    assert SECRET not in result.output


@pytest.mark.parametrize("command", [("serve",), ("check-config",), ("check-config", "--json")])
def test_all_problems_at_once_in_every_command(command: tuple[str, ...]) -> None:
    result = ran(*command, "--host", "::", ARQONBUS_PROT="1", ARQONBUS_AUTH_ISSUER="x")
    assert result.exit_code == Exit.CONFIG
    for said in ("ARQONBUS_PORT", "host: ::", "auth.issuer"):
        assert said in result.output


def test_wrong_values_are_told_with_unknown_names() -> None:
    result = ran("serve", "--port", "many", "--profile", "production", ARQONBUS_PROT="1")
    assert result.exit_code == Exit.CONFIG
    lines = [line for line in result.stderr.splitlines() if line.startswith("arqonbus: conf")]
    assert len(lines) == 3
    assert "3 problems" in result.stderr


def test_a_name_with_line_ends_stays_one_line() -> None:
    result = ran("serve", "--config", "a\nb")
    assert len(result.stderr.splitlines()) == 2


def test_version_and_help_teach() -> None:
    assert ran("--version").output == f"arqonbus, version {__version__}\n"
    assert "check-config" in ran("--help").output
    text = ran("serve", "--help").output
    assert "ARQONBUS_HTTP_PORT" in text
    assert "9100" in text
