"""Settings from flags, the environment and a file: the only reader of the environment.

A flag beats a variable, a variable beats the file, the file beats the default. A name that is not
known stops the start, because a misspelt setting is a setting that silently does not hold.
"""

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from arqonbus.config.errors import ConfigError
from arqonbus.config.model import Settings
from arqonbus.config.names import (
    ENV_CONFIG,
    ENV_PREFIX,
    Setting,
    known_settings,
    nearest,
    sections,
    value_at,
)
from arqonbus.config.shield import KEY_FIELDS

DEFAULT: Final = "default"


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, and for every path where its value came from."""

    settings: Settings
    origins: dict[str, str]


@dataclass(slots=True)
class _Layer:
    """What one source gave, by path: the value and its origin."""

    values: dict[str, tuple[object, str]]
    problems: list[str]


def environment() -> Mapping[str, str]:
    """The process's environment, to be passed to `load`."""
    return os.environ


def load(
    config_file: Path | None, flags: Mapping[str, object], environ: Mapping[str, str]
) -> Loaded:
    """Read all sources and check them.

    Args:
        config_file: The TOML file; None leaves it to ``ARQONBUS_CONFIG``.
        flags: Values by path (``port``, ``storage.backend``); None means that it was not given.
        environ: The environment.

    Raises:
        ConfigError: with every problem of every source.
    """
    known = known_settings()
    layers = [
        _from_file(config_file or _named_file(environ), known),
        _from_environment(environ, known),
        _from_flags(flags, known),
    ]
    problems = [problem for layer in layers for problem in layer.problems]
    merged: dict[str, tuple[object, str]] = {}
    for layer in layers:
        merged.update(layer.values)
    origins = {path: origin for path, (_, origin) in merged.items()}
    try:
        settings = Settings.model_validate(_nested(merged))
    except ValidationError as error:
        raise ConfigError(problems + list(_validation_problems(error, origins))) from None
    loaded = Loaded(settings, _all_origins(settings, origins, known))
    if problems:
        raise ConfigError(problems, loaded)
    return loaded


def _named_file(environ: Mapping[str, str]) -> Path | None:
    name = environ.get(ENV_CONFIG)
    return Path(name) if name else None


def _from_file(path: Path | None, known: tuple[Setting, ...]) -> _Layer:
    if path is None:
        return _Layer({}, [])
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        return _Layer({}, [f"{path}: cannot be read: {error.strerror}"])
    except UnicodeDecodeError:
        return _Layer({}, [f"{path}: is not UTF-8 text"])
    except tomllib.TOMLDecodeError as error:
        return _Layer({}, [f"{path}: is not valid TOML: {error}"])
    layer = _Layer({}, [])
    paths = {setting.path for setting in known}
    tables = sections()
    for key, value in _flattened(table, "", tables):
        if key in paths:
            layer.values[key] = (value, f"{path}:{key}")
        elif key in tables:
            layer.problems.append(f"{path}: {key} is a table; write [{key}] and its keys below")
        else:
            near = nearest(key, paths)
            layer.problems.append(f"{path}: unknown key {key!r}; the nearest known one is {near!r}")
    return layer


def _flattened(
    table: Mapping[str, object], prefix: str, tables: frozenset[str]
) -> Iterator[tuple[str, object]]:
    """Every key by its path; an unknown table's keys are each reported, so it is entered too."""
    for name, value in table.items():
        key = prefix + name
        if isinstance(value, dict) and (key in tables or value):
            yield from _flattened(value, f"{key}.", tables)
        else:
            yield key, value


def _from_environment(environ: Mapping[str, str], known: tuple[Setting, ...]) -> _Layer:
    layer = _Layer({}, [])
    by_name = {setting.env: setting.path for setting in known}
    names = [*by_name, ENV_CONFIG]
    # Any spelling of the prefix counts: ``arqonbus_port`` was meant for us and would do nothing.
    for name in sorted(name for name in environ if name.upper().startswith(ENV_PREFIX)):
        if name not in names:
            near = nearest(name.upper(), names)
            layer.problems.append(
                f"unknown environment variable {name}; the nearest known one is {near}"
            )
        elif not environ[name]:
            layer.problems.append(f"environment variable {name} is empty: unset it or give a value")
        elif name in by_name:
            layer.values[by_name[name]] = (environ[name], f"environment variable {name}")
    return layer


def _from_flags(flags: Mapping[str, object], known: tuple[Setting, ...]) -> _Layer:
    by_path = {setting.path: setting for setting in known}
    layer = _Layer({}, [])
    for path, value in flags.items():
        if path not in by_path:
            layer.problems.append(
                f"unknown flag {path!r}; the nearest known one is {nearest(path, by_path)!r}"
            )
        elif value is not None:
            layer.values[path] = (value, f"flag {by_path[path].flag}")
    return layer


def _nested(merged: Mapping[str, tuple[object, str]]) -> dict[str, object]:
    """The flat paths as the nested tables that the model takes (it is two floors deep)."""
    nested: dict[str, object] = {}
    groups: dict[str, dict[str, object]] = {}
    for path, (value, _) in merged.items():
        section, _, name = path.rpartition(".")
        if section:
            groups.setdefault(section, {})[name] = value
        else:
            nested[name] = value
    return nested | groups


def _validation_problems(error: ValidationError, origins: Mapping[str, str]) -> Iterator[str]:
    # No input and no context: either could be the secret itself.
    for item in error.errors(include_url=False, include_context=False, include_input=False):
        path = ".".join(str(part) for part in item["loc"][:2])
        yield f"{path}: {item['msg']} (from {origins.get(path, DEFAULT)})"


def _all_origins(
    settings: Settings, given: Mapping[str, str], known: tuple[Setting, ...]
) -> dict[str, str]:
    origins = {setting.path: given.get(setting.path, DEFAULT) for setting in known}
    keys = [f"auth.{name}" for name in KEY_FIELDS if f"auth.{name}" in given]
    for path in ("auth.mode", "auth.algorithm"):
        implied = keys and value_at(settings, path) not in {"none", None, ()}
        if implied and origins[path] == DEFAULT:
            origins[path] = f"implied by {keys[0]}"
    return origins
