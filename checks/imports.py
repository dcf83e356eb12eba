"""Which modules Python source imports, by its syntax tree."""

from __future__ import annotations

import ast


def imported_names(tree: ast.AST) -> frozenset[str]:
    """Return the top-level names of all absolute imports, wherever in the file they stand.

    ``importlib.import_module`` and ``__import__`` count when they are given a plain string.
    """
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
        elif isinstance(node, ast.Call) and (name := _dynamic(node)):
            names.add(name.split(".")[0])
    return frozenset(names)


def _dynamic(call: ast.Call) -> str:
    called = (
        call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    )
    first = call.args[0] if call.args else None
    if called in {"import_module", "__import__"} and isinstance(first, ast.Constant):
        return first.value if isinstance(first.value, str) else ""
    return ""
