"""Failures that tasks and futures keep for whoever asks, and that nobody asks for."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from checks.rules.source import dotted, last_name, walk_own
from checks.rules.storewords import words

if TYPE_CHECKING:
    from collections.abc import Iterator

_WAITS = frozenset({"wait", "asyncio.wait"})
_ASKING = frozenset({"result", "exception", "add_done_callback"})
_POOLS = frozenset({"executor", "pool", "threads", "workers"})


def unretrieved(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the line of each such place, and what is lost there."""
    for call in dropped_gathers(tree):
        yield call.lineno, "the failures that gather() returns are read by nobody"
    for call in _dropped_waits(tree):
        yield call.lineno, "the failures of the tasks that wait() waited for are read by nobody"
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            if why := _dropped_failure(node.value):
                yield node.lineno, why
        elif isinstance(node, ast.Call) and _marked_as_read(node):
            yield node.lineno, "the callback marks a task's failure as read, and nobody reads it"


def dropped_gathers(tree: ast.Module) -> Iterator[ast.Call]:
    """``gather(return_exceptions=True)`` turns failures into results: someone has to read them."""
    for body in _bodies(tree):
        read = _names_read(ast.walk(body))
        for node in walk_own(getattr(body, "body", [])):
            call = _call_of(node, "gather")
            if call is not None and _returns_failures(call) and not (_targets(node) & read):
                yield call


def _dropped_waits(tree: ast.Module) -> Iterator[ast.Call]:
    """``asyncio.wait`` raises nothing: who drops what it returns has to ask the tasks.

    Only tasks that the same function made are judged: others may have somebody who asks them.
    """
    for body in _bodies(tree):
        nodes = list(walk_own(getattr(body, "body", [])))
        if {one.attr for one in nodes if isinstance(one, ast.Attribute)} & _ASKING:
            continue
        made = {name for one in nodes if _makes_tasks(one) for name in _targets(one)}
        for node in nodes:
            call = _call_of(node, "wait")
            if call is None or not call.args or dotted(call.func) not in _WAITS:
                continue
            later = _names_read(one for one in nodes if getattr(one, "lineno", 0) > _end(call))
            names = _named_in(call) & made
            if (names or _makes_tasks(call.args[0])) and not (names | _targets(node)) & later:
                yield call


def _makes_tasks(node: ast.AST) -> bool:
    return any(
        isinstance(one, ast.Call) and last_name(one.func) in {"create_task", "ensure_future"}
        for one in ast.walk(node)
    )


def _end(node: ast.expr) -> int:
    return node.end_lineno or node.lineno


def _dropped_failure(call: ast.Call) -> str:
    """Say what is lost when a call's answer is dropped; empty when nothing is."""
    last = last_name(call.func)
    if last == "exception" and not call.args and not call.keywords:
        return "a task's failure is marked as read and dropped"
    receiver = words(dotted(call.func).rpartition(".")[0])
    if last == "submit" and _POOLS & set(receiver):
        return "the future that keeps a worker's failure is dropped"
    if last == "run_in_executor":
        return "the future that keeps a worker's failure is dropped"
    return ""


def _marked_as_read(call: ast.Call) -> bool:
    """``task.add_done_callback(lambda t: t.exception())``, which silences asyncio's own warning."""
    if last_name(call.func) != "add_done_callback" or not call.args:
        return False
    if last_name(call.args[0]) == "exception":  # Task.exception itself
        return True
    if not isinstance(call.args[0], ast.Lambda):
        return False
    called = {
        last_name(one.func) for one in ast.walk(call.args[0].body) if isinstance(one, ast.Call)
    }
    return "exception" in called and called <= {"exception", "cancelled", "done"}


def _bodies(tree: ast.Module) -> Iterator[ast.AST]:
    yield tree
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node


def _call_of(node: ast.AST, name: str) -> ast.Call | None:
    """Return the call whose result a statement drops or stores under plain names."""
    value: ast.AST | None = node.value if isinstance(node, ast.Expr | ast.Assign) else None
    if isinstance(node, ast.AnnAssign):
        value = node.value
    if isinstance(value, ast.Await):
        value = value.value
    if not isinstance(value, ast.Call) or last_name(value.func) != name:
        return None
    if isinstance(node, ast.Assign) and not _plain(node.targets):
        return None  # stored in an attribute or an item: others may read it
    return value


def _returns_failures(gather: ast.Call) -> bool:
    return any(
        one.arg == "return_exceptions"
        and not (isinstance(one.value, ast.Constant) and not one.value.value)
        for one in gather.keywords
    )


def _plain(targets: list[ast.expr]) -> bool:
    names = [one for target in targets for one in ast.walk(target) if isinstance(one, ast.expr)]
    return all(isinstance(one, ast.Name | ast.Tuple | ast.List | ast.Starred) for one in names)


def _targets(node: ast.AST) -> set[str]:
    targets = node.targets if isinstance(node, ast.Assign) else []
    if isinstance(node, ast.AnnAssign):
        targets = [node.target]
    names = {one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name)}
    return {one for one in names if not one.startswith("_")}


def _names_read(nodes: Iterator[ast.AST]) -> set[str]:
    return {
        node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }


def _named_in(call: ast.Call) -> set[str]:
    return {one.id for arg in call.args for one in ast.walk(arg) if isinstance(one, ast.Name)}
