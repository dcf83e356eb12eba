"""The rule ``static.not-implemented``: a function that only says it is not written is not shipped.

A method that others must write is marked as abstract; a base class that the project itself extends,
or that says so in its name, is taken at its word.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from checks.rules.source import last_name
from checks.rules.storewords import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from checks.model import Finding
    from checks.rules.source import Function, Source

RULE = "static.not-implemented"

_MESSAGE = "shipped code that is not written"
_REMEDY = "write it, leave it out, or mark the method as abstract"
_BASES = frozenset({"base", "abstract", "interface", "protocol", "mixin"})
_OF_OTHERS = frozenset({"ABC", "ABCMeta", "Protocol"})


def extended(sources: Iterable[Source]) -> frozenset[str]:
    """Return the names of all classes that another class of the project extends."""
    return frozenset(
        last_name(base.value if isinstance(base, ast.Subscript) else base)
        for source in sources
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ClassDef)
        for base in node.bases
    )


def unwritten(source: Source, bases: frozenset[str]) -> Iterator[Finding]:
    """Yield a finding for each function whose whole body is ``raise NotImplementedError``."""
    for function, owner in _functions(source.tree, None):
        line = _refusal(function)
        if line is not None and not _is_left_to_others(function, owner, bases):
            yield source.finding(RULE, line, _MESSAGE, _REMEDY)


def _functions(
    node: ast.AST, owner: ast.ClassDef | None
) -> Iterator[tuple[Function, ast.ClassDef | None]]:
    """Yield every function with the class that it is a method of."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield child, owner
            yield from _functions(child, None)
        else:
            yield from _functions(child, child if isinstance(child, ast.ClassDef) else owner)


def _refusal(function: Function) -> int | None:
    """Return the line of the `raise` that is the whole body beside a docstring."""
    body = [one for one in function.body if not _is_text(one)]
    if len(body) != 1 or not isinstance(body[0], ast.Raise) or body[0].exc is None:
        return None
    return body[0].lineno if last_name(body[0].exc) == "NotImplementedError" else None


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_left_to_others(
    function: Function, owner: ast.ClassDef | None, bases: frozenset[str]
) -> bool:
    if owner is None:
        return False
    if any(last_name(one) == "abstractmethod" for one in function.decorator_list):
        return True
    parents = {
        last_name(one.value if isinstance(one, ast.Subscript) else one) for one in owner.bases
    }
    return bool(owner.name in bases or _BASES & set(words(owner.name)) or _OF_OTHERS & parents)
