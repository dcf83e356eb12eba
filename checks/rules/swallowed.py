"""The rule ``static.swallowed-exception``: whatever went wrong is raised, or logged and counted."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from checks.rules.handlers import (
    BROAD,
    TOTAL,
    Project,
    broad,
    caught_in,
    names_caught,
    reports,
    reraises,
)
from checks.rules.source import Function, dotted, functions, last_name, walk_own

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.model import Finding
    from checks.rules.source import Source

RULE = "static.swallowed-exception"

_REMEDY = (
    "catch the narrow exception that is expected here, raise a meaningful one from it, or log it "
    "with its traceback and count it in a metric"
)


def swallowed(source: Source, project: Project) -> Iterator[Finding]:
    """Yield a finding for every place of a file where an exception may vanish."""
    aliases = _aliases(source.tree)
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Try | ast.TryStar):
            for handler in node.handlers:
                if why := _fault(source, handler, aliases, project):
                    yield _finding(source, handler.lineno, why)
            yield from (_finding(source, line, why) for line, why in _lost_in_finally(node))
        elif isinstance(node, ast.Call) and (why := _suppression(node, aliases)):
            yield _finding(source, node.lineno, why)
    for function in functions(source.tree):
        yield from (_finding(source, line, why) for line, why in _silent_exits(function))
    for call in dropped_gathers(source.tree):
        yield _finding(source, call.lineno, "the failures that gather() returns are read by nobody")


def _finding(source: Source, line: int, why: str) -> Finding:
    return source.finding(RULE, line, why, _REMEDY)


def _fault(
    source: Source,
    handler: ast.ExceptHandler,
    aliases: dict[str, frozenset[str]],
    project: Project,
) -> str:
    """Say what is wrong with a handler; empty when it is narrow or does its duty."""
    names = names_caught(handler, aliases)
    caught = caught_in(handler, source.own_nodes(handler.lineno))
    if not names or reraises(handler, caught):
        return ""
    label = "a bare except" if handler.type is None else f"except {', '.join(sorted(names))}"
    if names & TOTAL:
        return f"{label} also catches cancellation and exit, and does not raise again on every path"
    logs, counts = reports(handler, caught, project, source.path)
    if not logs:
        return f"{label} neither raises nor logs the traceback on every path"
    return "" if counts else f"{label} logs but no metric counts it on every path"


def _suppression(call: ast.Call, aliases: dict[str, frozenset[str]]) -> str:
    name = last_name(call.func)
    renamed = "suppress" in aliases.get(name, ())
    if (name == "suppress" or renamed) and any(broad(one, aliases) for one in call.args):
        return "suppress() of a broad exception drops whatever goes wrong inside"
    return ""


def _lost_in_finally(node: ast.Try | ast.TryStar) -> Iterator[tuple[int, str]]:
    """An exception on its way is dropped when `finally` leaves by return, break or continue."""
    for statement in node.finalbody:
        inside_loops = {
            id(inner)
            for one in walk_own([statement])
            if isinstance(one, ast.For | ast.AsyncFor | ast.While)
            for inner in walk_own([*one.body, *one.orelse])
        }
        for one in walk_own([statement]):
            loop_own = isinstance(one, ast.Break | ast.Continue) and id(one) in inside_loops
            if isinstance(one, ast.Return | ast.Break | ast.Continue) and not loop_own:
                yield one.lineno, "leaving `finally` early drops the exception that is on its way"


def _silent_exits(function: Function) -> Iterator[tuple[int, str]]:
    """A context manager whose exit is always true swallows all that happens in its block."""
    if function.name not in {"__exit__", "__aexit__"}:
        return
    tested = {
        id(inner)
        for node in walk_own(function.body)
        if isinstance(node, ast.If | ast.Match)
        for inner in ast.walk(node)
    }
    for node in walk_own(function.body):
        if (
            isinstance(node, ast.Return)
            and id(node) not in tested
            and isinstance(node.value, ast.Constant)
            and node.value.value
        ):
            yield node.lineno, f"{function.name} returns true, which swallows every exception"


def dropped_gathers(tree: ast.Module) -> Iterator[ast.Call]:
    """``gather(return_exceptions=True)`` turns failures into results: someone has to read them."""
    for body in _bodies(tree):
        read = {
            node.id
            for node in ast.walk(body)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
        }
        for node in walk_own(getattr(body, "body", [])):
            call = _gather(node)
            if call is not None and not (_targets(node) & read):
                yield call


def _bodies(tree: ast.Module) -> Iterator[ast.AST]:
    yield tree
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node


def _gather(node: ast.AST) -> ast.Call | None:
    """Return the gather call whose result a statement drops or stores under plain names."""
    value: ast.AST | None = node.value if isinstance(node, ast.Expr | ast.Assign) else None
    if isinstance(node, ast.AnnAssign):
        value = node.value
    if isinstance(value, ast.Await):
        value = value.value
    if not isinstance(value, ast.Call) or last_name(value.func) != "gather":
        return None
    if isinstance(node, ast.Assign) and not _plain(node.targets):
        return None  # stored in an attribute or an item: others may read it
    wanted = any(
        one.arg == "return_exceptions"
        and not (isinstance(one.value, ast.Constant) and not one.value.value)
        for one in value.keywords
    )
    return value if wanted else None


def _plain(targets: list[ast.expr]) -> bool:
    names = [one for target in targets for one in ast.walk(target) if isinstance(one, ast.expr)]
    return all(isinstance(one, ast.Name | ast.Tuple | ast.List | ast.Starred) for one in names)


def _targets(node: ast.AST) -> set[str]:
    targets = node.targets if isinstance(node, ast.Assign) else []
    if isinstance(node, ast.AnnAssign):
        targets = [node.target]
    names = {one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name)}
    return names - {"_"}


def _aliases(tree: ast.Module) -> dict[str, frozenset[str]]:
    """Map other names of broad exceptions and of `suppress` to what they stand for."""
    aliases: dict[str, frozenset[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            for one in node.names:
                if one.asname and one.name in BROAD | {"suppress"}:
                    aliases[one.asname] = frozenset({one.name})
        elif isinstance(node, ast.Assign) and (found := _stands_for(node.value, aliases)):
            for target in node.targets:
                aliases[last_name(target)] = found
        elif (
            isinstance(node, ast.AnnAssign)
            and node.value is not None
            and (found := _stands_for(node.value, aliases))
        ):
            aliases[last_name(node.target)] = found
    return aliases


def _stands_for(value: ast.expr, aliases: dict[str, frozenset[str]]) -> frozenset[str]:
    if dotted(value).rpartition(".")[2] == "suppress" and not isinstance(value, ast.Call):
        return frozenset({"suppress"})
    if isinstance(value, ast.Call):
        return frozenset()
    return broad(value, aliases)
