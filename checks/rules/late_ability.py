"""The rule ``static.late-not-implemented``: what a store can't do is declared beforehand."""

from __future__ import annotations

import ast
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from checks.rules.source import dotted, last_name, walk_own
from checks.rules.storewords import each_of, is_place, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.model import Finding
    from checks.rules.source import Source

RULE = "static.late-not-implemented"

_LATE = "a store that lacks an ability says so only when it is used"
_ASKED = "an ability of a store is guessed from its attributes"
_REMEDY = (
    "declare it in the store's capabilities and refuse the configuration that needs it; leave the "
    "method out"
)
_WORDS = re.compile(
    r"\b(?:not|isn't|is n't|un)\s?-?support|\bdoes(?:n't| not) support|\bno support|"
    r"\bnot (?:available|possible) (?:on|in|with|for) (?:this|the)\b|\bun(?:available|implemented) "
    r"(?:on|in|with|for) (?:this|the)\b",
    re.IGNORECASE,
)
_KEEPING = each_of(
    "store storage memory file disk sql sqlite redis valkey postgres database journal stream "
    "streams queue cache durable persistent"
)
_ERRORS = re.compile(r"^(?:NotImplementedError|NotImplemented|(?:Uns|NotS)upported\w*)$")


def late_abilities(source: Source) -> Iterator[Finding]:
    """Yield a finding for each refusal of a whole method, and each look at what a store has."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ClassDef) and _is_store(node, source.path):
            for line in _refusals(node):
                yield source.finding(RULE, line, _LATE, _REMEDY)
        elif isinstance(node, ast.Call) and _guesses(node):
            yield source.finding(RULE, node.lineno, _ASKED, _REMEDY)


def _is_store(node: ast.ClassDef, path: str) -> bool:
    names = (node.name, *map(dotted, node.bases))
    return any(map(_speaks_of_a_store, names)) or "storage" in PurePosixPath(path).parts


def _speaks_of_a_store(name: str) -> bool:
    """A backend may be one of many things: of authentication, of compression."""
    said = set(words(name))
    return is_place(name) and (not {"backend"} & said or bool(_KEEPING & said))


def _refusals(node: ast.ClassDef) -> Iterator[int]:
    for method in node.body:
        if not isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef) or _abstract(method):
            continue
        for one in walk_own(method.body):
            if isinstance(one, ast.Raise | ast.Return) and _refuses(one):
                yield one.lineno


def _refuses(statement: ast.Raise | ast.Return) -> bool:
    if isinstance(statement, ast.Return):
        value = statement.value
        return isinstance(value, ast.Name) and value.id == "NotImplemented"
    raised = statement.exc
    if raised is None:
        return False
    if _ERRORS.match(last_name(raised)):
        return True
    # With a cause it is about what somebody else refused, not about this store.
    return statement.cause is None and any(
        isinstance(one, ast.Constant) and isinstance(one.value, str) and _WORDS.search(one.value)
        for one in ast.walk(raised)
    )


def _abstract(method: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    if method.name.startswith("__"):  # comparing answers NotImplemented by the language's rules
        return True
    return any(last_name(one) == "abstractmethod" for one in method.decorator_list)


def _guesses(call: ast.Call) -> bool:
    """``hasattr(store, "x")`` and ``getattr(store, "x", None)``."""
    needed = {"hasattr": 2, "getattr": 3}.get(dotted(call.func))
    if needed != len(call.args) or not is_place(dotted(call.args[0])):
        return False
    name = call.args[1]
    # What each object of Python has is no ability of a store.
    return not (isinstance(name, ast.Constant) and str(name.value).startswith("__"))
