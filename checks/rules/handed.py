"""Whether an exception that was caught reaches somebody else, as the object that it is."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from checks.rules.source import dotted, last_name, walk_own
from checks.rules.storewords import only_notes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from checks.rules.source import Source

_ERROR_TYPE = re.compile(r"^[A-Z]\w*(Error|Exception|Failure)$")
# These make text or a yes and no of an exception; nobody gets the exception itself.
_SHOWING = re.compile(
    r"^(str|repr|ascii|format|isinstance|issubclass|type|id|hash|bool|len|getattr|hasattr|cast"
    r"|format_exc\w*|from_exception)$"
)
_HEARD = re.compile(r"^(warn|warning|error|critical|fatal|exception)$")


@dataclass(frozen=True, slots=True)
class Caught:
    """The name of the exception in hand, and what is read of what it may be kept in.

    `read_later` are the names that the code after the handler passes on; `attributes` those that
    the file reads anywhere.
    """

    name: str | None = None
    read_later: frozenset[str] = frozenset()
    attributes: frozenset[str] = frozenset()


def caught_in(handler: ast.ExceptHandler, source: Source) -> Caught:
    """Return what is known of the exception a handler caught."""
    return Caught(handler.name, frozenset(_read_after(handler, source)), source.attributes)


def raised_elsewhere(statement: ast.stmt, caught: Caught) -> bool:
    """Tell whether the exception is as good as raised: given to a future, or to a later `raise`."""
    if isinstance(statement, ast.Assign) and _kept(statement, caught):
        return isinstance(statement.value, ast.Name)
    return any(
        _given_to_a_future(call, caught) or _raises(call, caught) or _ends_in_failure(call)
        for call in _calls(statement)
    )


def made_into_another(statement: ast.stmt, caught: Caught) -> bool:
    """Tell whether an error is made and passed on later: the traceback is lost, not the failure."""
    return (
        isinstance(statement, ast.Assign)
        and _kept(statement, caught)
        and isinstance(statement.value, ast.Call)
        and _ERROR_TYPE.search(last_name(statement.value.func)) is not None
    )


def handed_on(statement: ast.stmt, caught: Caught, deaf: Callable[[ast.Call], bool]) -> bool:
    """Tell whether a statement gives the exception to a caller, a callee or whoever reads a field.

    `deaf` tells of a call that it only reaches functions that do nothing.
    """
    if caught.name is None:
        return False
    for node in walk_own([statement]):
        if isinstance(node, ast.Return | ast.Yield) and carries(node.value, caught.name):
            return True
        if isinstance(node, ast.Assign | ast.AnnAssign) and _put_away(node, caught):
            return True
    return any(_takes(call, caught.name) and not deaf(call) for call in _calls(statement))


def carries(value: ast.AST | None, name: str) -> bool:
    """Tell whether the exception itself is in a value, and not only its text or its kind."""
    if isinstance(value, ast.Name):
        return value.id == name
    if value is None or isinstance(value, ast.JoinedStr | ast.Attribute | ast.Compare | ast.Lambda):
        return False
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Mod):
        return False  # text % error
    if isinstance(value, ast.Call):
        return _takes(value, name)
    return any(carries(one, name) for one in ast.iter_child_nodes(value))


def _takes(call: ast.Call, name: str) -> bool:
    last = last_name(call.func)
    if only_notes(call) or _SHOWING.match(last):
        return False
    return any(carries(one, name) for one in [*call.args, *(one.value for one in call.keywords)])


def _put_away(node: ast.Assign | ast.AnnAssign, caught: Caught) -> bool:
    """Tell whether the exception is put into a field that is read, or into a container."""
    if caught.name is None or not carries(node.value, caught.name):
        return False
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return any(
        isinstance(one, ast.Subscript)
        or (isinstance(one, ast.Attribute) and one.attr in {*caught.attributes, "__cause__"})
        for one in targets
    ) or any(isinstance(one, ast.Name) and one.id in caught.read_later for one in targets)


def _kept(statement: ast.Assign, caught: Caught) -> bool:
    """Tell whether what the code after the handler passes on is the exception, or made anew."""
    targets = {one.id for one in statement.targets if isinstance(one, ast.Name)}
    if not targets & caught.read_later:
        return False
    value = statement.value
    return isinstance(value, ast.Call) or (isinstance(value, ast.Name) and value.id == caught.name)


def _given_to_a_future(call: ast.Call, caught: Caught) -> bool:
    """Tell whether the exception is given to a future, whose awaiter will get it raised."""
    if caught.name is None:
        return False
    given = any(isinstance(one, ast.Name) and one.id == caught.name for one in call.args)
    return given and any(last_name(one) == "set_exception" for one in [call.func, *call.args])


def _raises(call: ast.Call, caught: Caught) -> bool:
    """``reraise(error)``, ``raise_from_group(error)``: the name says what becomes of it."""
    raising = re.match(r"_*re_?raise|_*raise_", last_name(call.func)) is not None
    return raising and caught.name is not None and _takes(call, caught.name)


def _ends_in_failure(call: ast.Call) -> bool:
    """``sys.exit(1)``: the program ends, and who started it sees that it failed."""
    if dotted(call.func) not in {"sys.exit", "os._exit"} or not call.args:
        return False
    code = call.args[0]
    return not (isinstance(code, ast.Constant) and code.value in {0, None})


def told(call: ast.Call, caught: Caught) -> bool:
    """Tell whether a log line, at a level that is seen, says what the exception was."""
    if caught.name is None or not _HEARD.match(last_name(call.func)):
        return False
    given = [*call.args, *(one.value for one in call.keywords if one.arg != "exc_info")]
    return any(
        isinstance(one, ast.Name) and one.id == caught.name
        for value in given
        for one in ast.walk(value)
    )


def _read_after(handler: ast.ExceptHandler, source: Source) -> Iterable[str]:
    """Yield the names that calls, `raise` and `return` after a handler pass on.

    So do those that belong to a function around this one.
    """
    for node in source.own_nodes(handler.lineno):
        if isinstance(node, ast.Nonlocal | ast.Global):
            yield from node.names
        if not isinstance(node, ast.Call | ast.Raise | ast.Return):
            continue
        if node.lineno <= (handler.end_lineno or 0):
            continue
        parts = [*node.args, *node.keywords] if isinstance(node, ast.Call) else [node]
        yield from (one.id for part in parts for one in ast.walk(part) if isinstance(one, ast.Name))


def _calls(statement: ast.stmt) -> list[ast.Call]:
    return [node for node in walk_own([statement]) if isinstance(node, ast.Call)]
