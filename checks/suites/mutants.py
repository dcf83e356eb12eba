"""Small faults laid into code, one at a time: what tests that assert something must notice.

The kinds are the usual ones of mutation testing (DeMillo, Lipton, Sayward, "Hints on test data
selection", 1978; the names are close to cosmic-ray's and mutmut's).
"""

from __future__ import annotations

import ast
import copy
import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

_SWAPPED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_TURNED_ROUND = (ast.Eq, ast.NotEq, ast.In, ast.NotIn, ast.Is, ast.IsNot)
_Swap: TypeAlias = tuple[str, ast.expr | ast.stmt, ast.expr | ast.stmt]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One fault: `kind` in `function` at `line`, where `before` became `after`.

    `name` stays the same when lines move; `text` is the module with the fault in it.
    """

    name: str
    kind: str
    function: str
    line: int
    before: str
    after: str
    text: str

    def rank(self, seed: int) -> str:
        """Return where it stands in the draw: by the seed and itself, not by its neighbours."""
        return hashlib.sha256(f"{seed}\0{self.name}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _Change:
    """A node that is replaced, in the function that it stands in."""

    kind: str
    function: str
    node: ast.expr | ast.stmt
    instead: ast.expr | ast.stmt


def mutants(text: str) -> tuple[Mutant, ...]:
    """Return every mutant of a module, in the order of its lines; none that only repeats another.

    Raises:
        SyntaxError: the module can't be parsed.
    """
    found: dict[str, Mutant] = {}
    seen: Counter[str] = Counter()
    for change in _changes(ast.parse(text), ""):
        mutant = _laid_in(text, change, seen)
        found.setdefault(mutant.text, mutant)
    return tuple(sorted(found.values(), key=lambda one: (one.line, one.name)))


def _laid_in(text: str, change: _Change, seen: Counter[str]) -> Mutant:
    before, after = ast.unparse(change.node), ast.unparse(change.instead)
    label = f"{change.function}: {change.kind}: {before}"
    seen[label] += 1
    name = label if seen[label] == 1 else f"{label} ({seen[label]})"
    replaced = _replaced(text, change.node, after)
    line = change.node.lineno
    return Mutant(name, change.kind, change.function, line, before, after, replaced)


def _replaced(text: str, node: ast.expr | ast.stmt, after: str) -> str:
    """Put other code in a node's place; columns count bytes of UTF-8."""
    lines = text.encode().splitlines(keepends=True)
    end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or 0
    begin = sum(map(len, lines[: node.lineno - 1])) + node.col_offset
    end = sum(map(len, lines[: end_line - 1])) + end_column
    code = f"({after})" if isinstance(node, ast.expr) else after
    whole = b"".join(lines)
    return (whole[:begin] + code.encode() + whole[end:]).decode()


def _changes(node: ast.AST, function: str) -> Iterator[_Change]:
    """Walk a tree with the names of the functions; annotations and what only types need are out."""
    if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
        return
    if isinstance(node, ast.JoinedStr):
        return  # before Python 3.12 nobody says where in the file its parts are
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        function = f"{function}.{node.name}".lstrip(".")
        children: list[ast.AST] = [*node.body]
    else:
        yield from (_Change(kind, function, old, new) for kind, old, new in _of(node))
        children = list(ast.iter_child_nodes(node))
    for child in children:
        yield from _changes(child, function)


def _of(node: ast.AST) -> Iterator[_Swap]:
    match node:
        case ast.If() | ast.While() | ast.IfExp():
            yield from _negated(node.test)
        case ast.comprehension():
            for test in node.ifs:
                yield from _negated(test)
        case ast.Compare():
            yield from _swapped(node)
        case ast.BoolOp():
            operator = ast.Or() if isinstance(node.op, ast.And) else ast.And()
            yield "swap-and-or", node, ast.BoolOp(operator, node.values)
        case ast.UnaryOp(op=ast.Not()):
            yield "drop-not", node, node.operand
        case ast.Raise():
            yield "drop-raise", node, ast.Pass()
        case ast.Return(value=ast.expr() as value) if (other := _constant(value)) is not None:
            yield "constant-return", value, other
        case _:
            return


def _negated(test: ast.expr) -> Iterator[_Swap]:
    """Negate a condition, unless another kind of mutant comes to the same."""
    match test:
        case ast.UnaryOp(op=ast.Not()):
            return
        case ast.Compare(ops=[operator]) if isinstance(operator, _TURNED_ROUND):
            return
        case _:
            yield "negate-condition", test, ast.UnaryOp(ast.Not(), test)


def _swapped(node: ast.Compare) -> Iterator[_Swap]:
    for index, operator in enumerate(node.ops):
        changed = copy.copy(node)
        changed.ops = [*node.ops]
        changed.ops[index] = _SWAPPED[type(operator)]()
        yield "swap-comparison", node, changed


def _constant(value: ast.expr) -> ast.expr | None:
    """Return the constant to return instead: the other truth, or None; None where it is that."""
    if isinstance(value, ast.Constant) and isinstance(value.value, bool):
        return ast.Constant(not value.value)
    if isinstance(value, ast.Constant) and value.value is None:
        return None
    return ast.Constant(None)
