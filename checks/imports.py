"""Which modules Python source imports, by its syntax tree."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# `pkgutil.resolve_name` imports what it resolves.
_BY_NAME = frozenset({"import_module", "__import__", "resolve_name"})


def imported_names(tree: ast.AST) -> frozenset[str]:
    """Return the top-level names of all absolute imports, wherever in the file they stand.

    Calls that import by name count when they are given a plain string.
    """
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    given = [call.args[0] for call in dynamic_imports(tree) if call.args]
    plain = [one.value for one in given if isinstance(one, ast.Constant)]
    return frozenset(names) | {one.split(".")[0] for one in plain if isinstance(one, str)} - {""}


def dynamic_imports(tree: ast.AST) -> Iterator[ast.Call]:
    """Yield the calls that import by a name in a string, plain or computed."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if called in _BY_NAME:
                yield node
