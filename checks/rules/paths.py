"""Whether something happens on every way through a piece of code, before it is left."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from checks.rules.source import walk_own

if TYPE_CHECKING:
    from collections.abc import Callable

    # Tells of one statement without branches whether it does what is asked for.
    Settles = Callable[[ast.stmt], bool]


def always(body: list[ast.stmt], settles: Settles) -> bool:
    """Tell whether each way through a body raises or settles, before it leaves."""
    for statement in body:
        if _always_in(statement, settles):
            return True
        if _may_leave(statement, settles):
            return False
    return False


def _always_in(statement: ast.stmt, settles: Settles) -> bool:  # noqa: PLR0911 - one return a kind of statement
    if isinstance(statement, ast.Raise):
        return True
    if isinstance(statement, ast.If):
        return bool(statement.orelse) and all(
            always(branch, settles) for branch in (statement.body, statement.orelse)
        )
    if isinstance(statement, ast.With | ast.AsyncWith):
        return always(statement.body, settles)
    if isinstance(statement, ast.Try):
        # Where the first step settles it, what fails after is a matter of the inner handlers.
        first = statement.body[0]
        return (
            always(statement.finalbody, settles)
            or (isinstance(first, ast.Expr | ast.Assign) and settles(first))
            or (
                always(statement.body, settles)
                and all(always(inner.body, settles) for inner in statement.handlers)
            )
        )
    if isinstance(statement, ast.Match):
        total = any(_is_wildcard(case) for case in statement.cases)
        return total and all(always(case.body, settles) for case in statement.cases)
    if isinstance(statement, ast.For | ast.AsyncFor | ast.While):
        return False
    return settles(statement)


def _may_leave(statement: ast.stmt, settles: Settles) -> bool:
    """Tell whether a statement may leave the body on a path that did not settle."""
    if isinstance(statement, ast.Return | ast.Continue | ast.Break):
        return True
    if isinstance(statement, ast.If):
        branches: tuple[list[ast.stmt], ...] = (statement.body, statement.orelse)
    elif isinstance(statement, ast.Match):
        branches = tuple(case.body for case in statement.cases)
    else:
        return any(isinstance(node, ast.Return) for node in walk_own([statement]))
    return any(
        not always(branch, settles) and any(_may_leave(one, settles) for one in branch)
        for branch in branches
    )


def _is_wildcard(case: ast.match_case) -> bool:
    pattern = case.pattern
    return case.guard is None and isinstance(pattern, ast.MatchAs) and pattern.pattern is None
