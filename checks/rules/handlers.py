"""What an exception handler does with what it caught, on every path through it."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

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
_ERROR_TYPE = re.compile(r"^[A-Z]\w*(Error|Exception|Failure)$")


@dataclass(frozen=True, slots=True)
class Helper:
    """A function of the project: where it is, and what it does on every path."""

    path: str
    owner: str
    logs: bool
    counts: bool

    def does(self, what: str) -> bool:
        """Tell whether it always does `what`: "log" or "count"."""
        return self.logs if what == "log" else self.counts


@dataclass(frozen=True, slots=True)
class Project:
    """What is known about the whole project: the functions that handlers may delegate to."""

    helpers: dict[str, tuple[Helper, ...]] = field(default_factory=dict)

    def does(self, what: str, call: ast.Call, path: str) -> bool:
        """Tell whether each function that a call in the file `path` may mean always does `what`.

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
        meant = likely or named
        return bool(meant) and all(one.does(what) for one in meant)


@dataclass(frozen=True, slots=True)
class Caught:
    """The name of the exception in hand, and what the code after the handler passes on."""

    name: str | None = None
    read_later: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Kind:
    """One thing that may happen on a path: does a call do it?"""

    what: str
    project: Project
    path: str

    def done_by(self, call: ast.Call) -> bool:
        if self.project.does(self.what, call, self.path):
            return True
        if self.what == "log":
            return _logs_traceback(call)
        return _COUNTING.search(dotted(call.func)) is not None


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
            )
            helpers.setdefault(function.name, []).append(helper)
    return Project({name: tuple(found) for name, found in helpers.items()})


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


def caught_in(handler: ast.ExceptHandler, after: Iterable[ast.AST]) -> Caught:
    """Return what is known of the exception a handler caught, given its function's own nodes."""
    read = {
        name.id
        for node in after
        if isinstance(node, ast.Call | ast.Raise) and node.lineno > (handler.end_lineno or 0)
        for part in ([*node.args, *node.keywords] if isinstance(node, ast.Call) else [node])
        for name in ast.walk(part)
        if isinstance(name, ast.Name)
    }
    return Caught(handler.name, frozenset(read))


def reraises(handler: ast.ExceptHandler, caught: Caught) -> bool:
    """Tell whether every path raises or hands on the exception, or one made from it."""
    return _always(handler.body, None, caught)


def reports(
    handler: ast.ExceptHandler, caught: Caught, project: Project, path: str
) -> tuple[bool, bool]:
    """Tell whether every path (that doesn't raise) logs with traceback, and counts.

    Where the failure is told to someone as an error object, counting is theirs.
    """
    logs = _always(handler.body, _Kind("log", project, path), caught)
    counts = _always(handler.body, _Kind("count", project, path), caught)
    return logs, counts


def _always(body: list[ast.stmt], kind: _Kind | None, caught: Caught) -> bool:
    """Tell whether each way through a body raises or does what `kind` says, before it leaves."""
    return always(body, lambda statement: _settles(statement, kind, caught))


def _settles(statement: ast.stmt, kind: _Kind | None, caught: Caught) -> bool:
    if isinstance(statement, ast.Assign) and _keeps(statement, kind, caught):
        return True
    calls = [node for node in walk_own([statement]) if isinstance(node, ast.Call)]
    return any(
        _hands_on(call, caught) or (kind is not None and kind.done_by(call)) for call in calls
    )


def _keeps(statement: ast.Assign, kind: _Kind | None, caught: Caught) -> bool:
    """Tell whether the exception is stored and passed on by the code after the handler.

    The exception itself is as good as raised; one made of it has lost the traceback, so that
    only spares the count.
    """
    targets = {one.id for one in statement.targets if isinstance(one, ast.Name)}
    if not targets & caught.read_later:
        return False
    value = statement.value
    if isinstance(value, ast.Name):
        return value.id == caught.name
    made = isinstance(value, ast.Call) and _ERROR_TYPE.search(last_name(value.func)) is not None
    return made and kind is not None and kind.what == "count"


def _hands_on(call: ast.Call, caught: Caught) -> bool:
    """Tell whether the caught exception is given to a future, whose awaiter will get it raised."""
    if caught.name is None:
        return False
    given = any(isinstance(one, ast.Name) and one.id == caught.name for one in call.args)
    targets = [call.func, *call.args]
    return given and any(last_name(one) == "set_exception" for one in targets)


def _logs_traceback(call: ast.Call) -> bool:
    """Tell whether a call writes a log line with the traceback."""
    if any(one.arg == "exc_info" and _truthy(one.value) for one in call.keywords):
        return True
    # An event is demanded: task.exception() only asks, it writes nothing.
    silenced = any(one.arg == "exc_info" for one in call.keywords)
    return last_name(call.func) == "exception" and bool(call.args) and not silenced


def _truthy(node: ast.expr) -> bool:
    return not isinstance(node, ast.Constant) or bool(node.value)
