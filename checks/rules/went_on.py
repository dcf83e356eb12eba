"""The rule ``static.store-failed-went-on``: what was not stored is refused, never passed over."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from checks.rules.outcome_dropped import dropped
from checks.rules.passing import of_passing_use
from checks.rules.paths import always
from checks.rules.source import dotted, last_name, walk_own
from checks.rules.storewords import (
    FAILURE,
    blocks,
    calls,
    each_of,
    only_notes,
    stores,
    told_at_once,
    words,
)
from checks.rules.unheeded import failing_branches

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.model import Finding
    from checks.rules.source import Source

RULE = "static.store-failed-went-on"

_REMEDY = (
    "raise, return the error, or hand it to whoever waits for the outcome; a lower level is said "
    "where receipts are made"
)
_GOES_ON = "the store failed, and this goes on as if it had not"
_TOLD = "others are told although the store failed"
_GIVES_UP = "after the last attempt this goes on as if the store had taken it"
_SUPPRESSED = "suppress() passes over a failed store"

# Errors that say something of the data or of a race, not that the store failed.
_OF_THE_DATA = each_of(
    "KeyError IndexError LookupError ValueError TypeError AttributeError ImportError "
    "ModuleNotFoundError UnicodeDecodeError JSONDecodeError IntegrityError FileExistsError "
    "FileNotFoundError BlockingIOError ProcessLookupError CancelledError QueueEmpty QueueFull "
    "StopIteration StopAsyncIteration"
)
Loop = ast.While | ast.For | ast.AsyncFor


def went_on(source: Source) -> Iterator[Finding]:
    """Yield a finding for each place where a failed store changes nothing."""
    loops = {
        id(inner): (node, block[index + 1 :])
        for _, block in blocks(source.tree)
        for index, node in enumerate(block)
        if isinstance(node, Loop)
        for inner in walk_own(node.body)
        if isinstance(inner, ast.Try | ast.TryStar)
    }
    for owner, block in blocks(source.tree):
        if isinstance(owner, ast.With | ast.AsyncWith) and _suppresses(owner, source):
            yield source.finding(RULE, owner.lineno, _SUPPRESSED, _REMEDY)
        for index, node in enumerate(block):
            if isinstance(node, ast.Try | ast.TryStar) and any(map(stores, calls(node.body))):
                yield from _of_try(source, node, block[index + 1 :], loops.get(id(node)))
    for branch, answer in failing_branches(source.tree):
        if not _has_consequences(branch.body, answer):
            yield source.finding(RULE, branch.lineno, _GOES_ON, _REMEDY)
    for line, why in dropped(source.tree):
        yield source.finding(RULE, line, why, _REMEDY)


def _of_try(
    source: Source,
    node: ast.Try | ast.TryStar,
    after: list[ast.stmt],
    around: tuple[Loop, list[ast.stmt]] | None,
) -> Iterator[Finding]:
    for handler in node.handlers:
        why = _fault(handler, node, after, around)
        if why and not of_passing_use(source, node, after):
            yield source.finding(RULE, handler.lineno, why, _REMEDY)


def _fault(
    handler: ast.ExceptHandler,
    node: ast.Try | ast.TryStar,
    after: list[ast.stmt],
    around: tuple[Loop, list[ast.stmt]] | None,
) -> str:
    """Say what is wrong with a handler; empty when the failure has consequences."""
    if not _catches_a_failure(handler.type):
        return ""
    if around is not None and _tries_again(handler, node, after, around[0]):
        return "" if _ends_well(handler, *around) else _GIVES_UP
    if not _has_consequences(handler.body, handler.name):
        return _GOES_ON
    return "" if _leaves(handler.body) or not _told_next(after, handler) else _TOLD


def _catches_a_failure(caught: ast.expr | None) -> bool:
    if caught is None:
        return True
    named = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(last_name(one) not in _OF_THE_DATA for one in named)


def _has_consequences(body: list[ast.stmt], failure: str | None) -> bool:
    """Tell whether each way through a body raises, refuses or hands the failure on."""
    return always(body, lambda one: _settles(one, failure))


def _settles(statement: ast.stmt, caught: str | None) -> bool:
    """Tell whether a statement gives the failure a consequence that somebody else sees."""
    if isinstance(statement, ast.Return):
        return statement.value is not None and _says_failure(statement.value, caught)
    if isinstance(statement, ast.Assign | ast.AnnAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        named = {word for target in targets for word in words(dotted(target))}
        value = statement.value
        return bool(named & FAILURE) or (value is not None and _names(value, caught))
    return any(_hands_on(call, caught) for call in calls([statement]))


def _says_failure(value: ast.expr, caught: str | None) -> bool:
    if isinstance(value, ast.Constant):
        return value.value is False
    said = [
        one.value if isinstance(one, ast.Constant) else dotted(one)
        for one in ast.walk(value)
        if isinstance(one, ast.Constant | ast.Name | ast.Attribute)
    ]
    return _names(value, caught) or any(
        FAILURE & set(words(one)) for one in said if isinstance(one, str)
    )


def _hands_on(call: ast.Call, caught: str | None) -> bool:
    """Tell whether a call passes the exception on, or refuses in its place."""
    if only_notes(call):
        return False
    given = [*call.args, *(one.value for one in call.keywords)]
    if any(_names(one, caught) for one in given):
        return True
    return bool(FAILURE & set(words(last_name(call.func))))


def _names(value: ast.AST, caught: str | None) -> bool:
    return caught is not None and any(
        isinstance(one, ast.Name) and one.id == caught for one in ast.walk(value)
    )


def _leaves(body: list[ast.stmt]) -> bool:
    left = (ast.Return, ast.Continue, ast.Break)
    return always(body, lambda one: isinstance(one, left))


def _told_next(after: list[ast.stmt], handler: ast.ExceptHandler) -> bool:
    """Tell whether what follows tells others, whatever became of the store."""
    kept = {
        last_name(target)
        for node in walk_own(handler.body)
        if isinstance(node, ast.Assign)
        for target in node.targets
    }
    for statement in after:
        call = told_at_once(statement)
        if call is not None:
            given = {last_name(one) for value in call.args for one in ast.walk(value)}
            return not given & kept
    return False


def _tries_again(
    handler: ast.ExceptHandler, node: ast.Try | ast.TryStar, after: list[ast.stmt], loop: Loop
) -> bool:
    """Tell whether success leaves the loop, and the handler stays in it."""
    success = [*node.body, *node.orelse, *after]
    ends = any(isinstance(one, ast.Break | ast.Return) for one in walk_own(success))
    stays = not any(isinstance(one, ast.Break) for one in walk_own(handler.body))
    return ends and stays and not any(node is one for one in walk_own(loop.orelse))


def _ends_well(handler: ast.ExceptHandler, loop: Loop, after: list[ast.stmt]) -> bool:
    """Tell whether the attempts never end, or their end is a failure."""
    if isinstance(loop, ast.While) and isinstance(loop.test, ast.Constant) and loop.test.value:
        return not any(isinstance(one, ast.Return) for one in walk_own(handler.body))
    if any(isinstance(one, ast.Raise) for one in walk_own(handler.body)):
        return True
    return any(_has_consequences(body, None) for body in (loop.orelse, after))


def _suppresses(node: ast.With | ast.AsyncWith, source: Source) -> bool:
    silent = any(
        last_name(item.context_expr) == "suppress"
        and isinstance(item.context_expr, ast.Call)
        and any(map(_catches_a_failure, item.context_expr.args))
        for item in node.items
    )
    if not silent or not any(map(stores, calls(node.body))):
        return False
    return not of_passing_use(source, node, [])
