"""The flags that say where settings come from, and reading them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeVar

import click

from arqonbus.app import preflight
from arqonbus.config.errors import ConfigError
from arqonbus.config.load import Loaded, environment, load
from arqonbus.config.names import ENV_CONFIG, Setting, known_settings

FLAGS: Final = ("profile", "host", "port", "http_host", "http_port", "data_dir")

# The value stays text: the model judges it, so that a wrong flag is told with all other problems.
_METAVARS: Final = {"profile": "dev|staging|prod", "data_dir": "DIR"}

Command = TypeVar("Command", bound=Callable[..., object])


def source_options(command: Command) -> Command:
    """Give a command the flags of the settings; it gets ``config`` and one argument a flag."""
    known = {setting.path: setting for setting in known_settings()}
    for path in reversed(FLAGS):
        command = _option(known[path])(command)
    return config_option(command)


def config_option(command: Command) -> Command:
    """Give a command the flag that names the file with the settings."""
    return click.option(
        "--config",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help=f"TOML file with settings.  [env: {ENV_CONFIG}]",
    )(command)


def _option(setting: Setting) -> Callable[[Command], Command]:
    return click.option(
        setting.flag,
        setting.path,
        metavar=_METAVARS.get(setting.path, setting.path.rpartition("_")[2].upper()),
        help=f"{setting.description}  [env: {setting.env}; default: {setting.default}]",
    )


def read(config: Path | None, flags: Mapping[str, object]) -> tuple[Loaded | None, list[str]]:
    """What the sources say, and every problem with it; None when values themselves are wrong."""
    try:
        loaded: Loaded | None = load(config, flags, environment())
        found: list[str] = []
    except ConfigError as error:
        loaded = error.usable
        found = list(error.problems)
    if loaded is not None:
        found += preflight.problems(loaded.settings, loaded.origins)
    return loaded, [" ".join(problem.split()) for problem in found]


def report(found: list[str]) -> None:
    """One line a problem, on standard error."""
    for problem in found:
        click.echo(f"arqonbus: configuration: {problem}", err=True)
    count = len(found)
    click.echo(
        f"arqonbus: not started: {count} problem{'s' if count > 1 else ''} in the configuration; "
        "`arqonbus check-config` shows every value and where it came from",
        err=True,
    )
