"""What names in code say of a call: that it stores, that it tells others, that it only notes."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from checks.rules.source import dotted, last_name, walk_own

if TYPE_CHECKING:
    from collections.abc import Iterator


def each_of(text: str) -> frozenset[str]:
    """Return the words of a text as a set."""
    return frozenset(text.split())


_PIECE = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

_PLACES = each_of(
    "store stores storage redis valkey sqlite postgres db database journal backend wal jetstream "
    "repository primary connection conn cursor pipeline pipe ledger"
)
# With a place they store; `conn.write` and `socket.write` are told apart by the second set.
_VERBS = each_of(
    "append add write save put set insert execute flush record push rpush lpush hset zadd create "
    "upsert publish enqueue"
)
_WIRES = frozenset({"connection", "conn"})
_WIRE_VERBS = frozenset({"execute", "insert"})
# These store whatever they are called on.
_STORING = each_of("fsync fdatasync xadd executemany commit persist store")

_TELLING = each_of(
    "ack acks acknowledge acknowledges receipt receipts confirm confirms deliver delivers fanout "
    "broadcast"
)
_NOTING = each_of("debug info warning warn error exception critical fatal log print")
_COUNTING = each_of("metric metrics counter counters counts stats gauge statsd inc")
_SHOWING = each_of("str repr format isinstance type getattr len bool")

FAILURE = each_of(
    "refuse refused refusal refuses reject rejected abort aborted lower lowered degrade degraded "
    "unavailable nack fail failed failure failures fault faulty lost error errors problem level "
    "durability available healthy broken exit shutdown"
)


def words(name: str) -> list[str]:
    """Return the words of a dotted, snake or camel case name, in small letters."""
    return [one.lower() for one in _PIECE.findall(name)]


def is_place(name: str) -> bool:
    """Tell whether a name speaks of a store."""
    return bool((_PLACES - _WIRES) & set(words(name)))


def stores(call: ast.Call) -> bool:
    """Tell whether a call writes to a store, by its name and what it is called on."""
    parts = words(last_name(call.func))
    if not parts:
        return False
    if parts[0] in _STORING:
        return True
    around = {*words(dotted(call.func).rpartition(".")[0]), *parts[1:]} & _PLACES
    if around and around <= _WIRES:
        return parts[0] in _WIRE_VERBS
    return bool(around) and parts[0] in _VERBS


def tells(call: ast.Call) -> bool:
    """Tell whether a call lets others have a message, or its receipt."""
    parts = words(last_name(call.func))
    if _TELLING & set(parts) or parts[:2] == ["fan", "out"]:
        # What a worker acknowledges is a task it was given, which is another matter.
        return not {"task", "tasks", "group", "pending"} & set(words(dotted(call.func)))
    sent = [value for one in call.args if isinstance(one, ast.Dict) for value in one.values]
    return any(isinstance(one, ast.Constant) and one.value == "ack" for one in sent)


def only_notes(call: ast.Call) -> bool:
    """Tell whether a call writes to a log, counts or makes text: nobody acts on that."""
    name = dotted(call.func)
    last = last_name(call.func)
    return last in _NOTING | _SHOWING or bool(_COUNTING & set(words(name)))


def calls(nodes: list[ast.stmt]) -> Iterator[ast.Call]:
    """Yield the calls in statements, without those that run later."""
    return (node for node in walk_own(nodes) if isinstance(node, ast.Call))


def told_at_once(statement: ast.stmt) -> ast.Call | None:
    """Return the call of a plain statement by which others are told."""
    value = statement.value if isinstance(statement, ast.Expr) else None
    if isinstance(value, ast.Await):
        value = value.value
    return value if isinstance(value, ast.Call) and tells(value) else None


def blocks(tree: ast.AST) -> Iterator[tuple[ast.AST, list[ast.stmt]]]:
    """Yield every run of statements with the node that it belongs to."""
    for node in ast.walk(tree):
        for name in ("body", "orelse", "finalbody"):
            inner = getattr(node, name, None)
            if isinstance(inner, list) and inner and isinstance(inner[0], ast.stmt):
                yield node, inner
