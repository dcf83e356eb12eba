"""What the tools' settings let them pass over in general, and what hides everything.

ruff.toml and mypy.ini are read as well: where one of them is, the tool doesn't look at
pyproject.toml. All of them are told in the shape that pyproject.toml has.
"""

from __future__ import annotations

import configparser
import tomllib
from typing import TYPE_CHECKING

from checks.model import CouldNotRun

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

KINDS = frozenset({"ruff-settings", "mypy-settings", "deptry-settings", "coverage-settings"})
FILES = ("pyproject.toml", "ruff.toml", ".ruff.toml", "mypy.ini", ".mypy.ini", "setup.cfg")
_IGNORE = ("ignore", "extend-ignore")
_PER_FILE = ("per-file-ignores", "extend-per-file-ignores")
_TESTS = frozenset({"tests", "test"})
_LISTS = frozenset({"disable_error_code"})
_TRUE = frozenset({"true", "1", "yes", "on"})

Settings = dict[str, object]


def read_settings(project: Path) -> dict[str, Settings]:
    """Return the settings of each file that there is.

    Raises:
        CouldNotRun: one can't be read.
    """
    found: dict[str, Settings] = {}
    for name in FILES:
        path = project / name
        if not path.is_file():
            continue
        try:
            text = path.read_text("utf-8")
            found[name] = tomllib.loads(text) if name.endswith(".toml") else _mypy_ini(text)
        except (OSError, ValueError, configparser.Error) as error:
            raise CouldNotRun(f"{name} can't be read: {error}") from error
        if name.endswith("ruff.toml"):
            found[name] = {"tool": {"ruff": found[name]}}
    return found


def _mypy_ini(text: str) -> Settings:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.read_string(text)
    tables = {name: _values(parser[name]) for name in parser.sections()}
    overrides = [
        {"module": name.removeprefix("mypy-").split(","), **values}
        for name, values in tables.items()
        if name.startswith("mypy-")
    ]
    return {"tool": {"mypy": {**tables.get("mypy", {}), "overrides": overrides}}}


def _values(section: Mapping[str, str]) -> Settings:
    """Return a section's values as TOML has them: lists where they are, and truth."""
    return {
        key: value.replace(",", " ").split() if key in _LISTS else value.lower() in _TRUE
        for key, value in section.items()
    }


def in_settings(settings: Mapping[str, object]) -> dict[str, int]:
    """Count by kind what the tools are told to pass over."""
    mypy = _table(settings, "tool", "mypy")
    overrides = mypy.get("overrides", [])
    return {
        "ruff-settings": len(_ruff_general(settings)) + len(_ruff_per_file(settings)),
        "mypy-settings": len(_texts(mypy.get("disable_error_code")))
        + sum(mypy.get(one) is True for one in ("ignore_errors", "ignore_missing_imports"))
        + (len(overrides) if isinstance(overrides, list) else 0),
        "deptry-settings": len(_table(settings, "tool", "deptry", "per_rule_ignores")),
        "coverage-settings": len(
            _texts(_table(settings, "tool", "coverage", "report").get("exclude_lines"))
        ),
    }


def hides_all(settings: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Yield the settings, with their kind, by which a tool says nothing of what is shipped."""
    if "ALL" in _ruff_general(settings):
        yield "ruff-settings", "ruff ignores ALL"
    mypy = _table(settings, "tool", "mypy")
    if mypy.get("ignore_errors") is True:
        yield "mypy-settings", "mypy has ignore_errors"
    overrides = mypy.get("overrides", [])
    for one in overrides if isinstance(overrides, list) else ():
        table = _table(one)
        module = table.get("module")
        names = [module] if isinstance(module, str) else _texts(module)
        shipped = [name for name in names if name.partition(".")[0] not in _TESTS]
        if table.get("ignore_errors") is True and shipped:
            yield "mypy-settings", f"mypy has ignore_errors for {', '.join(shipped)}"


def _ruff_general(settings: Mapping[str, object]) -> list[str]:
    return [code for one in _ruff(settings) for key in _IGNORE for code in _texts(one.get(key))]


def _ruff_per_file(settings: Mapping[str, object]) -> list[str]:
    return [
        code
        for one in _ruff(settings)
        for key in _PER_FILE
        for codes in _table(one, key).values()
        for code in _texts(codes)
    ]


def _ruff(settings: Mapping[str, object]) -> list[dict[str, object]]:
    """Return ruff's two tables: its older settings stand outside of ``lint``, and still hold."""
    return [_table(settings, "tool", "ruff"), _table(settings, "tool", "ruff", "lint")]


def _table(node: object, *keys: str) -> dict[str, object]:
    for key in keys:
        node = node.get(key) if isinstance(node, dict) else None
    return node if isinstance(node, dict) else {}


def _texts(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []
