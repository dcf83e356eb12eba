"""What an exception handler does with what it caught, on every path through it."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from checks.rules.handed import Caught, handed_on, made_into_another, raised_elsewhere, told
from checks.rules.paths import always
from checks.rules.source import Function, dotted, last_name, walk_own

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from checks.rules.source import Source

BROAD = frozenset({"Exception", "BaseException", "ExceptionGroup", "BaseExceptionGroup"})
TOTAL = frozenset({"BaseException", "BaseExceptionGroup"})

# How a count is kept in code: metrics.x(…), counter.inc(…), self._count_failure(…), on_fault(…).
_COUNTING = re.compile(
    r"(^|[._])(metrics?|counters?|counts?|counted|inc|incr|increment|fault|faults|tally)([._]|$)"
)
# A line at these levels is thrown away unless somebody is already looking for the fault.
_UNHEARD = re.compile(r"^(debug|trace|NOTSET|DEBUG|TRACE)$")


@dataclass(frozen=True, slots=True)
class Helper:
    """A function of the project: where it is, and what it does on every path."""

    path: str
    owner: str
    logs: bool
    counts: bool
    idle: bool = False

    def does(self, what: str) -> bool:
        """Tell whether it always does `what`: "log" or "count"."""
        return self.logs if what == "log" else self.counts


@dataclass(frozen=True, slots=True)
class Project:
    """What is known about the whole project: the functions that handlers may delegate to."""

    helpers: dict[str, tuple[Helper, ...]] = field(default_factory=dict)

    def does(self, what: str, call: ast.Call, path: str) -> bool:
        """Tell whether each function that a call in the file `path` may mean always does `what`."""
        meant = self._meant(call, path)
        return bool(meant) and all(one.does(what) for one in meant)

    def deaf(self, call: ast.Call, path: str) -> bool:
        """Tell whether all functions that a call may mean do nothing at all."""
        meant = self._meant(call, path)
        return bool(meant) and all(one.idle for one in meant)

    def _meant(self, call: ast.Call, path: str) -> tuple[Helper, ...]:
        """Return the functions that a call in the file `path` may mean.

        ``self.x`` is looked for in the same file, ``session.x`` in classes of that name; only when
        there are none, every function called x is asked.
        """
        receiver, _, name = dotted(call.func).rpartition(".")
        named = self.helpers.get(name, ())
        owner = receiver.rpartition(".")[2].replace("_", "").lower()
        if owner in {"", "self", "cls"}:
            likely = [one for one in named if one.path == path]
        else:
            likely = [one for one in named if one.owner.lower() == owner]
        return tuple(likely) or named


@dataclass(frozen=True, slots=True)
class _Kind:
    """One thing that may happen on a path: does a call do it?"""

    what: str
    project: Project
    path: str

    def done_by(self, call: ast.Call, caught: Caught) -> bool:
        if self.what == "tell":
            return _logs_traceback(call) or told(call, caught)
        if self.project.does(self.what, call, self.path):
            return True
        if self.what == "log":
            return _logs_traceback(call)
        return _COUNTING.search(dotted(call.func)) is not None

    def deaf(self, call: ast.Call) -> bool:
        return self.project.deaf(call, self.path)


def survey(sources: Iterable[Source]) -> Project:
    """Find the project's own functions that handlers delegate to."""
    helpers: dict[str, list[Helper]] = {}
    for source in sources:
        log, count = (_Kind(what, Project(), source.path) for what in ("log", "count"))
        for owner, function in _owned(source.tree, ""):
            body = function.body
            helper = Helper(
                source.path,
                owner,
                logs=_always(body, log, Caught()),
                counts=_always(body, count, Caught()),
                idle=idle(body),
            )
            helpers.setdefault(function.name, []).append(helper)
    return Project({name: tuple(found) for name, found in helpers.items()})


def idle(body: list[ast.stmt]) -> bool:
    """Tell whether a body does nothing: it calls, raises, keeps and says nothing."""
    acts = (ast.Call, ast.Raise, ast.Assign, ast.AugAssign, ast.Yield, ast.YieldFrom)
    return not any(isinstance(node, acts) for one in body for node in ast.walk(one))


def _owned(node: ast.AST, owner: str) -> Iterator[tuple[str, Function]]:
    """Yield every function with the name of the class it is in."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield owner, child
        yield from _owned(child, child.name if isinstance(child, ast.ClassDef) else owner)


def names_caught(handler: ast.ExceptHandler, aliases: dict[str, frozenset[str]]) -> frozenset[str]:
    """Return the broad names a handler catches; a bare one catches BaseException."""
    return frozenset({"BaseException"}) if handler.type is None else broad(handler.type, aliases)


def broad(node: ast.AST, aliases: dict[str, frozenset[str]]) -> frozenset[str]:
    """Return the broad exceptions that an expression names, through tuples and aliases."""
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return frozenset().union(*(broad(one, aliases) for one in node.elts))
    if isinstance(node, ast.Starred):
        return broad(node.value, aliases)
    if isinstance(node, ast.BinOp):
        return broad(node.left, aliases) | broad(node.right, aliases)
    name = last_name(node)
    return frozenset({name}) & BROAD | aliases.get(name, frozenset())


def reraises(handler: ast.ExceptHandler, caught: Caught) -> bool:
    """Tell whether every path raises, or gives the exception to who will raise it."""
    return _always(handler.body, None, caught)


@dataclass(frozen=True, slots=True)
class Report:
    """What every path of a handler does that doesn't raise.

    `tells` at least a log line that says what went wrong; `logs` with its traceback; `counts`.
    """

    tells: bool
    logs: bool
    counts: bool


def reports(handler: ast.ExceptHandler, caught: Caught, project: Project, path: str) -> Report:
    """Tell what every path (that doesn't raise or hand the exception on) does."""
    does = {
        what: _always(handler.body, _Kind(what, project, path), caught)
        for what in ("tell", "log", "count")
    }
    return Report(tells=does["tell"] or does["log"], logs=does["log"], counts=does["count"])


def _always(body: list[ast.stmt], kind: _Kind | None, caught: Caught) -> bool:
    """Tell whether each way through a body raises or does what `kind` says, before it leaves."""
    return always(body, lambda statement: _settles(statement, kind, caught))


def _settles(statement: ast.stmt, kind: _Kind | None, caught: Caught) -> bool:
    if raised_elsewhere(statement, caught):
        return True
    if kind is None:
        return False
    if kind.what == "count" and made_into_another(statement, caught):
        return True
    if handed_on(statement, caught, kind.deaf):
        return True
    return any(
        kind.done_by(node, caught) for node in walk_own([statement]) if isinstance(node, ast.Call)
    )


def _logs_traceback(call: ast.Call) -> bool:
    """Tell whether a call writes a log line with the traceback, at a level that is kept."""
    level = call.args[0] if last_name(call.func) == "log" and call.args else call.func
    if _UNHEARD.match(last_name(level)):
        return False
    if any(one.arg == "exc_info" and _truthy(one.value) for one in call.keywords):
        return True
    # An event is demanded: task.exception() only asks, it writes nothing.
    silenced = any(one.arg == "exc_info" for one in call.keywords)
    return last_name(call.func) == "exception" and bool(call.args) and not silenced


def _truthy(node: ast.expr) -> bool:
    return not isinstance(node, ast.Constant) or bool(node.value)
