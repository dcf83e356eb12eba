"""Reads tox.ini, setup.cfg, tox.toml and pyproject.toml; TOML is told as INI would write it.

The forms: https://tox.wiki/en/latest/config.html. tox takes the first that it finds; all that are
there are read, because each is one rename away from being the first.
"""

from __future__ import annotations

import configparser
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from checks.model import CouldNotRun

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

FILES = ("tox.ini", "setup.cfg", "pyproject.toml", "tox.toml")
BASE = "testenv"
_PLAIN = (str, int, float)

Sections = dict[str, dict[str, str]]


@dataclass(frozen=True, slots=True)
class Toxfile:
    """One file's sections: ``tox``, ``testenv``, ``testenv:NAME`` and what else it has."""

    path: str
    sections: Sections
    lines: tuple[str, ...]

    def line_of(self, *texts: str) -> int:
        """Return the first line that holds the first of some texts that there is, or 1."""
        found = (
            number for text in texts for number, one in enumerate(self.lines, 1) if text in one
        )
        return next(found, 1)


def read_toxfiles(project: Path) -> Iterator[Toxfile]:
    """Yield the settings of each file that has some.

    Raises:
        CouldNotRun: one can't be read.
    """
    for name in FILES:
        path = project / name
        if not path.is_file():
            continue
        try:
            text = path.read_text("utf-8")
            sections = _toml(name, text) if name.endswith(".toml") else _ini(name, text)
        except (OSError, ValueError, configparser.Error) as error:
            raise CouldNotRun(f"{name} can't be read: {error}") from error
        if sections:
            yield Toxfile(name, sections, tuple(text.splitlines()))


def _ini(name: str, text: str) -> Sections:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.read_string(text)
    found = {section: dict(parser.items(section)) for section in parser.sections()}
    if name != "setup.cfg":
        return found
    # There tox has its own section under another name, and without it looks at none.
    return {**found, "tox": found["tox:tox"]} if "tox:tox" in found else {}


def _toml(name: str, text: str) -> Sections:
    document: dict[str, object] = tomllib.loads(text)
    if name == "pyproject.toml":
        document = _table(_table(document.get("tool")).get("tox"))
    legacy = document.get("legacy_tox_ini")
    if isinstance(legacy, str):
        return _ini("tox.ini", legacy)
    if not document:
        return {}
    tables = {key: value for key, value in document.items() if isinstance(value, dict)}
    head = {key: value for key, value in document.items() if key not in tables}
    sections = {"tox": _texts(head)}
    for key, table in tables.items():
        if key in {"env", "env_base"}:
            sections |= {f"{BASE}:{one}": _texts(_table(env)) for one, env in table.items()}
        else:
            sections[BASE if key == "env_run_base" else key] = _texts(table)
    return sections


def _texts(table: Mapping[str, object]) -> dict[str, str]:
    return {key: "\n".join(_lines(value)) for key, value in table.items()}


def _lines(value: object) -> Iterator[str]:
    """Yield a value's lines: a list in a list is one command, a table a substitution."""
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, dict):
            yield _substitution(one)
        else:
            yield " ".join(_lines(one)) if isinstance(one, list) else _word(one)


def _word(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, _PLAIN) else ""


def _substitution(table: Mapping[str, object]) -> str:
    """Write a table as INI would: a reference as one, a product with braces; else its defaults.

    Raises:
        ValueError: it is of a kind that is not known.
    """
    kind = table.get("replace")
    if isinstance(product := table.get("product"), list):
        return "-".join(f"{{{','.join(_lines(part))}}}" for part in product)
    if kind == "ref":
        section, key = _target(table)
        return f"{{[{section}]{key}}}"
    if kind == "if":
        return "\n".join([*_lines(table.get("then", [])), *_lines(table.get("else", []))])
    if kind in {"posargs", "env", "glob"}:
        return " ".join(_lines(table.get("default", "")))
    raise ValueError(f"the substitution {dict(table)} is not known")


def _target(table: Mapping[str, object]) -> tuple[str, str]:
    """Return the section and the key that a reference is to."""
    of = table.get("of")
    if not isinstance(of, list):
        return f"{BASE}:{table.get('env', '')}", str(table.get("key", ""))
    *path, key = [str(one) for one in of]
    if path[:1] == ["env"]:
        return f"{BASE}:{'.'.join(path[1:])}", key
    return BASE if path == ["env_run_base"] else ".".join(path) or "tox", key


def _table(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}
