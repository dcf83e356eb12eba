"""`arqonbus check-config`: what `serve` would say and use, without starting."""

import json
import sys
from pathlib import Path
from typing import Final

import click
from pydantic import SecretStr

from arqonbus.app.exits import Exit
from arqonbus.app.preflight_access import access_warnings
from arqonbus.cli.sources import read, source_options
from arqonbus.config.load import Loaded
from arqonbus.config.names import MASK, known_settings, shown, value_at

HEADER: Final = ("SETTING", "VALUE", "FROM")


@click.command("check-config")
@source_options
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def check_config(config: Path | None, as_json: bool, **flags: object) -> None:
    """Check the configuration without starting.

    Prints every setting, its value (secrets masked) and where it came from, and says the same
    problems and warnings as `serve` would. Exits 0 when there is no problem, 78 otherwise.
    Addresses and the store are tried by `serve` only.
    """
    loaded, found = read(config, flags)
    warnings = [] if found or loaded is None else list(access_warnings(loaded.settings))
    if as_json:
        click.echo(json.dumps(_document(loaded, found, warnings), indent=2))
    else:
        if loaded is not None:
            click.echo(_table(loaded))
        for problem in found:
            click.echo(f"arqonbus: configuration: {problem}", err=True)
        for warning in warnings:
            click.echo(f"arqonbus: warning: {warning}", err=True)
        if not found:
            click.echo("\nNo problem found. Addresses and the store are tried at the start only.")
    sys.exit(Exit.CONFIG if found else Exit.OK)


def _table(loaded: Loaded) -> str:
    rows = [HEADER]
    for setting in known_settings():
        value = shown(value_at(loaded.settings, setting.path))
        rows.append((setting.path, value, loaded.origins[setting.path]))
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    return "\n".join(f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c}" for a, b, c in rows)


def _document(loaded: Loaded | None, found: list[str], warnings: list[str]) -> dict[str, object]:
    settings = {}
    if loaded is not None:
        settings = {
            setting.path: {
                "value": _plain(value_at(loaded.settings, setting.path)),
                "from": loaded.origins[setting.path],
                "env": setting.env,
            }
            for setting in known_settings()
        }
    return {"ok": not found, "problems": found, "warnings": warnings, "settings": settings}


def _plain(value: object) -> object:
    if isinstance(value, SecretStr):
        return MASK
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value
