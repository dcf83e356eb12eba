"""What setup.cfg and setup.py say of a project, put as pyproject.toml would say it.

setup.py is read and never run: what it works out (a version from a file, say) stays unknown.
"""

from __future__ import annotations

import ast
import configparser
from typing import TYPE_CHECKING

from checks.model import CouldNotRun

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILES = ("setup.cfg", "setup.py")
_FIND = frozenset({"find_packages", "find_namespace_packages"})


def setuptools_settings(project: Path) -> dict[str, object]:
    """Return the tables ``project`` and ``tool`` with what both files say; setup.py counts first.

    Raises:
        CouldNotRun: a file is there and can't be read.
    """
    said = {**_configured(project / "setup.cfg"), **_called(project / "setup.py")}
    head = {key: said[key] for key in ("name", "version") if key in said}
    shape = {key: value for key, value in said.items() if key not in head}
    return {"project": head, "tool": {"setuptools": shape}}


def _configured(path: Path) -> dict[str, object]:
    """Read setup.cfg, whose lists stand on lines of their own or between commas."""
    if not path.is_file():
        return {}
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, configparser.Error) as error:
        raise CouldNotRun(f"setup.cfg can't be read: {error}") from error

    def get(section: str, key: str) -> str:
        return parser.get(section, key, fallback="").strip()

    where = _entries(get("options.packages.find", "where"))
    packages = _entries(get("options", "packages"))
    found: dict[str, object] = {
        "name": get("metadata", "name"),
        "version": _stated(get("metadata", "version")),
        "package-dir": _pairs(get("options", "package_dir")),
        "py-modules": _entries(get("options", "py_modules")),
        "packages": {"find": {"where": where}} if where else _named_one_by_one(packages),
    }
    return {key: value for key, value in found.items() if value}


def _stated(version: str) -> str:
    """Leave out a version that setuptools is to take from elsewhere (``attr:``, ``file:``)."""
    return "" if version.startswith(("attr:", "file:")) else version


def _named_one_by_one(packages: list[str]) -> list[str]:
    return [one for one in packages if not one.startswith(("find:", "find_namespace:"))]


def _entries(text: str) -> list[str]:
    return [one.strip() for one in text.replace(",", "\n").splitlines() if one.strip()]


def _pairs(text: str) -> dict[str, str]:
    pairs = (one.partition("=") for one in _entries(text))
    return {key.strip(): value.strip() for key, _, value in pairs}


def _called(path: Path) -> dict[str, object]:
    """Read the literal arguments of the call of ``setup`` in setup.py."""
    if not path.is_file():
        return {}
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError) as error:
        raise CouldNotRun(f"setup.py can't be read: {error}") from error
    said = {key: value for key, value in _arguments(tree) if value}
    names = {"package_dir": "package-dir", "py_modules": "py-modules"}
    wanted = ("name", "version", "packages", *names)
    return {names.get(key, key): said[key] for key in wanted if key in said}


def _arguments(tree: ast.Module) -> Iterator[tuple[str, object]]:
    texts = dict(_constants(tree))
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        if _name(call) == "setup":
            for argument in call.keywords:
                if argument.arg is not None:
                    yield argument.arg, _value(argument.value, texts)


def _constants(tree: ast.Module) -> Iterator[tuple[str, object]]:
    """Yield the texts that the file gives names to at its top level."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    yield target.id, node.value.value


def _value(node: ast.expr, texts: dict[str, object]) -> object:
    """Return an argument's value, or None when only running the file would tell it."""
    if isinstance(node, ast.Name):
        return texts.get(node.id)
    if isinstance(node, ast.Call) and _name(node) in _FIND:
        where = [one.value for one in node.keywords if one.arg == "where"] or node.args[:1]
        return {"find": {"where": [_value(one, texts) for one in where]}} if where else None
    try:
        value: object = ast.literal_eval(node)
    except ValueError:
        return None
    return value


def _name(call: ast.Call) -> str:
    """Return the last part of what is called: ``setuptools.setup`` is ``setup``."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""
