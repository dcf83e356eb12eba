"""A shipped Python file, parsed once: its text, its tree and where each line belongs."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from checks.model import Finding, Location

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
_LINE_END = re.compile(r"\r\n?|\n")
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)

SYNTAX_ERROR = "static.syntax-error"


@dataclass(frozen=True)
class Source:
    """One file; `path` is relative to the project and POSIX."""

    path: str
    lines: tuple[str, ...]
    tree: ast.Module

    def line(self, number: int) -> str:
        """Return a line without its indentation; empty when there is none."""
        return self.lines[number - 1].strip() if 0 < number <= len(self.lines) else ""

    def enclosing(self, line: int) -> str:
        """Return the dotted name of the innermost function or class around a line."""
        around = [name for first, last, name in self._scopes if first <= line <= last]
        return around[-1] if around else ""

    def own_nodes(self, line: int) -> list[ast.AST]:
        """Return the nodes of the innermost function around a line, or of the module."""
        around = [one for one in functions(self.tree) if one.lineno <= line <= _end(one)]
        innermost = max(around, key=lambda one: one.lineno, default=self.tree)
        return list(walk_own(innermost.body))

    @cached_property
    def attributes(self) -> frozenset[str]:
        """The names of all attributes that the file reads."""
        return frozenset(
            node.attr
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
        )

    @cached_property
    def _scopes(self) -> list[tuple[int, int, str]]:
        return list(_scopes(self.tree, ()))

    def finding(self, rule: str, line: int, message: str, remediation: str) -> Finding:
        """Make a finding at a line of this file, with the line as evidence."""
        return Finding(
            rule,
            message,
            Location(self.path, line),
            snippet=self.line(line),
            context=self.enclosing(line),
            remediation=remediation,
        )


def parse(file: Path, path: str) -> Source | Finding:
    """Parse a file; one that Python can't read is itself a finding.

    Some analysers call a file with broken syntax fully parsed, so nobody would have looked at it.
    """
    raw = file.read_bytes()
    lines = lines_of(raw.decode("utf-8", errors="replace"))
    try:
        tree = ast.parse(raw, filename=path)
    except SyntaxError as error:
        return _unreadable(path, lines, error.lineno or 1, error.msg)
    except (ValueError, RecursionError, MemoryError) as error:
        return _unreadable(path, lines, 1, str(error) or type(error).__name__)
    return Source(path, lines, tree)


def lines_of(text: str) -> tuple[str, ...]:
    """Split a text where Python and other compilers do: a form feed ends no line."""
    return tuple(_LINE_END.split(text))


def walk_own(statements: list[ast.stmt]) -> Iterator[ast.AST]:
    """Yield all nodes below, but nothing that runs later: functions, lambdas and classes inside."""
    stack: list[ast.AST] = list(reversed(statements))
    while stack:
        node = stack.pop()
        if isinstance(node, (*_SCOPES, ast.Lambda)):
            continue
        yield node
        stack.extend(reversed(list(ast.iter_child_nodes(node))))


def functions(tree: ast.Module) -> Iterator[Function]:
    """Yield every function and method of a file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def dotted(node: ast.AST) -> str:
    """Return ``a.b.c`` for a name or an attribute; the leading part of anything else is dropped."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}".removeprefix(".")
    if isinstance(node, ast.Call):
        return dotted(node.func)
    return ""


def last_name(node: ast.AST) -> str:
    """Return the last part of a dotted name."""
    return dotted(node).rpartition(".")[2]


def _end(node: Function) -> int:
    return node.end_lineno or node.lineno


def _scopes(node: ast.AST, names: tuple[str, ...]) -> Iterator[tuple[int, int, str]]:
    for child in ast.iter_child_nodes(node):
        inner = names
        if isinstance(child, _SCOPES):
            inner = (*names, child.name)
            first = min([child.lineno, *(one.lineno for one in child.decorator_list)])
            yield first, child.end_lineno or child.lineno, ".".join(inner)
        yield from _scopes(child, inner)


def _unreadable(path: str, lines: tuple[str, ...], line: int, why: str) -> Finding:
    evidence = lines[line - 1].strip() if 0 < line <= len(lines) else ""
    return Finding(
        SYNTAX_ERROR,
        f"Python can't read this file: {why}",
        Location(path, line),
        snippet=evidence or why,
        remediation="correct the syntax; no tool has looked into this file",
    )
