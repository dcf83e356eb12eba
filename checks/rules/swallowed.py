"""The rules about exceptions that vanish.

``static.swallowed-exception``: whatever went wrong is raised, handed on, or logged with its
traceback. Rules of this house, since others may well be content with less:
``static.untraced-exception``, what is logged has its traceback, and ``static.uncounted-exception``,
it is counted, too.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from checks.rules.handed import caught_in
from checks.rules.handlers import (
    BROAD,
    TOTAL,
    Project,
    broad,
    idle,
    names_caught,
    reports,
    reraises,
)
from checks.rules.source import Function, dotted, functions, last_name, walk_own
from checks.rules.unretrieved import unretrieved

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.model import Finding
    from checks.rules.source import Source

RULE = "static.swallowed-exception"
UNTRACED = "static.untraced-exception"
UNCOUNTED = "static.uncounted-exception"

_REMEDY = (
    "catch the narrow exception that is expected here, raise a meaningful one from it, or log it "
    "with its traceback and count it in a metric"
)
_HOOKS = frozenset({"sys.excepthook", "threading.excepthook", "sys.unraisablehook"})
# Where a context manager's exit is given as a function.
_EXITS = frozenset({"push", "push_async_exit"})
_TRACE_IT = "log it with exc_info, or catch the narrow exception whose text says enough"
_COUNT_IT = "count it in a metric beside the log line, so that an alarm can be set on it"


def swallowed(source: Source, project: Project) -> Iterator[Finding]:
    """Yield a finding for every place of a file where an exception may vanish."""
    aliases = _aliases(source.tree)
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Try | ast.TryStar):
            for handler in node.handlers:
                yield from _faults(source, handler, aliases, project)
            yield from (_finding(source, line, why) for line, why in _lost_in_finally(node))
        elif isinstance(node, ast.Call) and (why := _suppression(node, aliases)):
            yield _finding(source, node.lineno, why)
    for function in functions(source.tree):
        yield from (_finding(source, line, why) for line, why in _silent_exits(function))
    for line, why in (*unretrieved(source.tree), *_deaf_hooks(source.tree)):
        yield _finding(source, line, why)


def _finding(source: Source, line: int, why: str) -> Finding:
    return source.finding(RULE, line, why, _REMEDY)


def _faults(
    source: Source,
    handler: ast.ExceptHandler,
    aliases: dict[str, frozenset[str]],
    project: Project,
) -> Iterator[Finding]:
    """Say what is wrong with a handler, unless it is narrow or does its duty."""
    names = names_caught(handler, aliases)
    caught = caught_in(handler, source)
    if not names or reraises(handler, caught):
        return
    label = "a bare except" if handler.type is None else f"except {', '.join(sorted(names))}"
    report = reports(handler, caught, project, source.path)
    if names & TOTAL:
        why = "also catches cancellation and exit, and does not raise again on every path"
        yield _finding(source, handler.lineno, f"{label} {why}")
    elif not report.tells:
        why = "neither raises, hands the exception on nor logs it with its traceback on every path"
        yield _finding(source, handler.lineno, f"{label} {why}")
    elif not report.logs:
        why = f"{label} logs what went wrong without its traceback"
        yield source.finding(UNTRACED, handler.lineno, why, _TRACE_IT)
    elif not report.counts:
        why = f"{label} logs but no metric counts it on every path"
        yield source.finding(UNCOUNTED, handler.lineno, why, _COUNT_IT)


def _suppression(call: ast.Call, aliases: dict[str, frozenset[str]]) -> str:
    name = last_name(call.func)
    renamed = "suppress" in aliases.get(name, ())
    if (name == "suppress" or renamed) and any(broad(one, aliases) for one in call.args):
        return "suppress() of a broad exception drops whatever goes wrong inside"
    return ""


def _deaf_hooks(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """A hook of last resort that does nothing silences what nobody else has caught."""
    does_nothing = {one.name for one in functions(tree) if idle(one.body)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and last_name(node.func) == "set_exception_handler":
            hooks = node.args
        elif isinstance(node, ast.Assign) and dotted(node.targets[0]) in _HOOKS:
            hooks = [node.value]
        elif isinstance(node, ast.Call) and last_name(node.func) in _EXITS:
            hooks = [one for one in node.args if isinstance(one, ast.Lambda) and _true(one.body)]
        else:
            continue
        for hook in hooks:
            deaf = last_name(hook) in does_nothing or (
                isinstance(hook, ast.Lambda) and idle([ast.Expr(hook.body)])
            )
            if deaf:
                yield node.lineno, "a hook that does nothing drops every failure that reaches it"


def _true(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and bool(value.value)


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
            and node.value is not None
            and _true(node.value)
        ):
            yield node.lineno, f"{function.name} returns true, which swallows every exception"


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
