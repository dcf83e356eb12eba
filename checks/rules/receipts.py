"""The rule ``static.receipt-before-commit``: nobody is told before the store's outcome is known."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from checks.rules.source import functions, last_name, walk_own
from checks.rules.storewords import blocks, calls, stores, tells, told_at_once

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.model import Finding
    from checks.rules.source import Function, Source

RULE = "static.receipt-before-commit"

_BEFORE = "others are told before the store has taken it"
_BESIDE = "others are told while the store is still at work"
_ANYWAY = "others are told in `finally`, whether the store took it or not"
_UNSEEN = "others are told when the store has answered, whatever it answered"
_REMEDY = "deliver and acknowledge after the commit, and only what it took"


def early_receipts(source: Source) -> Iterator[Finding]:
    """Yield a finding for each receipt or delivery that doesn't wait for its commit."""
    for line, why in _all(source.tree):
        yield source.finding(RULE, line, why, _REMEDY)


def _all(tree: ast.Module) -> Iterator[tuple[int, str]]:
    local = {one.name: one for one in functions(tree)}
    for _, block in blocks(tree):
        yield from _before(block)
    for node in ast.walk(tree):
        if isinstance(node, ast.Try | ast.TryStar) and any(map(stores, calls(node.body))):
            yield from ((c.lineno, _ANYWAY) for c in calls(node.finalbody) if tells(c))
        elif isinstance(node, ast.Call) and last_name(node.func) == "gather":
            inner = [one for one in ast.walk(node) if isinstance(one, ast.Call)]
            if any(map(stores, inner)):
                yield from ((one.lineno, _BESIDE) for one in inner if tells(one))
        elif isinstance(node, ast.Call) and stores(node):
            yield from _callbacks(node, local)


def _before(block: list[ast.stmt]) -> Iterator[tuple[int, str]]:
    """Within one run of statements: told first, stored later, and nothing stored earlier."""
    storing = [index for index, one in enumerate(block) if any(map(stores, calls([one])))]
    if not storing:
        return
    for statement in block[: storing[0]]:
        call = told_at_once(statement)
        if call is not None:
            yield call.lineno, _BEFORE


def _callbacks(call: ast.Call, local: dict[str, Function]) -> Iterator[tuple[int, str]]:
    """What a store calls back must look at the outcome that it is given."""
    for given in (*call.args, *(one.value for one in call.keywords)):
        if isinstance(given, ast.Lambda):
            body: list[ast.AST] = [given.body]
            names = [one.arg for one in given.args.args]
        elif last_name(given) in local:
            function = local[last_name(given)]
            body = list(function.body)
            names = [one.arg for one in function.args.args if one.arg not in {"self", "cls"}]
        else:
            continue
        read = {one.id for part in body for one in ast.walk(part) if isinstance(one, ast.Name)}
        if names and names[0] not in read:
            yield from _told_in(body)


def _told_in(body: list[ast.AST]) -> Iterator[tuple[int, str]]:
    for part in body:
        for one in walk_own([part]) if isinstance(part, ast.stmt) else ast.walk(part):
            if isinstance(one, ast.Call) and tells(one):
                yield one.lineno, _UNSEEN
