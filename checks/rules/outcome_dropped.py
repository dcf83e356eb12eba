"""Stores whose outcome nobody will ever see: part of the rule ``static.store-failed-went-on``."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from checks.rules.source import dotted, functions, last_name, walk_own
from checks.rules.storewords import each_of, stores
from checks.rules.unretrieved import dropped_gathers

if TYPE_CHECKING:
    from collections.abc import Iterator

_STARTING = each_of("create_task ensure_future run_in_executor to_thread submit Thread")
_LOST = "whether the store took it is seen by nobody"
_NOT_AWAITED = "the store is asked, and the answer never awaited"


def dropped(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield line and reason of each store that is started and forgotten."""
    for gathered in dropped_gathers(tree):
        if _store_in(gathered):
            yield gathered.lineno, _LOST
    coroutines = _only_coroutines(tree)
    for body in (tree, *functions(tree)):
        groups = _task_groups(body)
        read = _read(body)
        for node in walk_own(body.body):
            call = _forgotten(node, read)
            if call is not None and _started(call, groups) and _store_in(call):
                yield call.lineno, _LOST
            elif call is not None and stores(call) and last_name(call.func) in coroutines:
                yield call.lineno, _NOT_AWAITED


def _started(call: ast.Call, groups: set[str]) -> bool:
    """Tell whether a call starts something that runs beside; a group of tasks looks after it."""
    return last_name(call.func) in _STARTING and dotted(call.func).split(".")[0] not in groups


def _forgotten(node: ast.AST, read: set[str]) -> ast.Call | None:
    """Return the call whose result a statement drops, or keeps under a name nobody reads."""
    value = node.value if isinstance(node, ast.Expr | ast.Assign) else None
    if isinstance(node, ast.Assign):
        names = [one.id for one in node.targets if isinstance(one, ast.Name)]
        if len(names) < len(node.targets) or read & set(names):
            return None
    while isinstance(value, ast.Call) and (last_name(value.func) == "start" or _keeps(value)):
        # Thread(target=…).start() and create_task(…).add_done_callback(…) start as well.
        value = value.func.value if isinstance(value.func, ast.Attribute) else None
    return value if isinstance(value, ast.Call) else None


def _store_in(call: ast.Call) -> bool:
    """Tell whether the arguments store, by a call or by the method that is to be called."""
    given = [*call.args, *(one.value for one in call.keywords)]
    for part in (inner for value in given for inner in ast.walk(value)):
        if isinstance(part, ast.Call) and stores(part):
            return True
        if isinstance(part, ast.Attribute) and stores(ast.Call(part, [], [])):
            return True
    return False


def _read(body: ast.AST) -> set[str]:
    """Return the names that are read, other than to keep a task alive."""
    kept: set[int] = set()
    for node in ast.walk(body):
        if isinstance(node, ast.Call) and (last_name(node.func) == "add" or _keeps(node)):
            inner = node.args if last_name(node.func) == "add" else list(ast.walk(node))
            kept |= {id(one) for one in inner}
    return {
        node.id
        for node in ast.walk(body)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and id(node) not in kept
    }


def _keeps(call: ast.Call) -> bool:
    """Tell whether a call only has a task forgotten at its end; another callback looks at it."""
    if last_name(call.func) != "add_done_callback" or not call.args:
        return False
    given = call.args[0].body if isinstance(call.args[0], ast.Lambda) else call.args[0]
    return last_name(given) in {"discard", "remove"}


def _task_groups(body: ast.AST) -> set[str]:
    """Return the names of task groups: what fails in one is raised where it ends."""
    return {
        last_name(item.optional_vars)
        for node in ast.walk(body)
        if isinstance(node, ast.AsyncWith)
        for item in node.items
        if item.optional_vars is not None and "group" in last_name(item.context_expr).lower()
    }


def _only_coroutines(tree: ast.Module) -> set[str]:
    plain = {one.name for one in ast.walk(tree) if isinstance(one, ast.FunctionDef)}
    return {one.name for one in ast.walk(tree) if isinstance(one, ast.AsyncFunctionDef)} - plain
