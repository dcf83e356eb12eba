"""A store that answers with its failure, which is noted and no more: part of the same rule."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from checks.rules.source import last_name
from checks.rules.storewords import FAILURE, blocks, calls, stores, words

if TYPE_CHECKING:
    from collections.abc import Iterator


def failing_branches(tree: ast.Module) -> Iterator[tuple[ast.If, str]]:
    """Yield each `if` whose body runs when a store answered that it failed, and the answer's name.

    ``if not store.append(…)``, ``if error := store.append(…)``, and the same of a name that was
    assigned just before.
    """
    for _, block in blocks(tree):
        answers: set[str] = set()
        for statement in block:
            if isinstance(statement, ast.If) and _failed(statement.test, answers):
                yield statement, _name(statement.test)
            answers |= _answers(statement)


def _answers(statement: ast.stmt) -> set[str]:
    """Return the names under which a statement keeps what a store answered."""
    if isinstance(statement, ast.Assign) and _is_store(statement.value):
        return {one.id for one in statement.targets if isinstance(one, ast.Name)}
    return set()


def _failed(test: ast.expr, answers: set[str]) -> bool:
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        inner = test.operand
        kept = isinstance(inner, ast.Name) and inner.id in answers
        return (kept or _is_store(inner)) and not FAILURE & set(words(_name(inner)))
    if isinstance(test, ast.Call) and last_name(test.func) == "isinstance":
        kept = isinstance(test.args[0], ast.Name) and test.args[0].id in answers
        return kept and "Error" in last_name(test.args[-1])
    if isinstance(test, ast.NamedExpr):
        return _is_store(test.value) and bool(FAILURE & set(words(_name(test))))
    named = isinstance(test, ast.Name) and test.id in answers
    return named and bool(FAILURE & set(words(_name(test))))


def _name(test: ast.expr) -> str:
    if isinstance(test, ast.NamedExpr):
        return test.target.id
    inner = test.args[0] if isinstance(test, ast.Call) and test.args else test
    return next((one.id for one in ast.walk(inner) if isinstance(one, ast.Name)), "")


def _is_store(value: ast.expr) -> bool:
    inner = value.value if isinstance(value, ast.Await) else value
    inner = inner.value if isinstance(inner, ast.NamedExpr) else inner
    return isinstance(inner, ast.Call) and any(map(stores, calls([ast.Expr(inner)])))
