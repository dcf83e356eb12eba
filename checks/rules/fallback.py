"""The rule ``static.silent-storage-fallback``: a failed store never becomes memory in silence."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from checks.rules.source import dotted, last_name, walk_own

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.model import Finding
    from checks.rules.source import Source

RULE = "static.silent-storage-fallback"

_MEMORY = re.compile(r"memory|in_?mem|fallback|ephemeral|volatile|dummy|null_?stor", re.IGNORECASE)
_STORE = re.compile(
    r"stor(e|age)|redis|valkey|sqlite|postgres|database|journal|persist|backend|jetstream"
    r"|connect|durab",
    re.IGNORECASE,
)
_MESSAGE = "when the store fails, this goes on from memory and nobody is told"
_REMEDY = (
    "raise: a bus that was asked for durable storage does not start or publish without it; "
    "lowering the level is the operator's choice, announced in every receipt"
)


def fallbacks(source: Source) -> Iterator[Finding]:
    """Yield a finding for each handler that swaps a failed store for memory without raising."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Try | ast.TryStar) and _about_storage(node, source):
            for handler in node.handlers:
                line = _goes_on_from_memory(handler)
                if line is not None:
                    yield source.finding(RULE, line, _MESSAGE, _REMEDY)


def _about_storage(node: ast.Try | ast.TryStar, source: Source) -> bool:
    """Tell whether what was tried has to do with a store, by its names or its function's."""
    names = " ".join(dotted(one) for one in walk_own(node.body) if isinstance(one, ast.expr))
    imported = " ".join(
        alias.name
        for one in walk_own(node.body)
        if isinstance(one, ast.Import | ast.ImportFrom)
        for alias in one.names
    )
    return bool(_STORE.search(f"{names} {imported} {source.enclosing(node.lineno)}"))


def _goes_on_from_memory(handler: ast.ExceptHandler) -> int | None:
    """Return the line where memory takes over, unless some path of the handler raises."""
    nodes = list(walk_own(handler.body))
    if any(isinstance(node, ast.Raise) for node in nodes):
        return None
    for node in nodes:
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.Return) and _takes_memory(node):
            return node.lineno
    return None


def _takes_memory(node: ast.Assign | ast.AnnAssign | ast.Return) -> bool:
    if node.value is None:
        return False
    parts = [one for one in ast.walk(node.value) if isinstance(one, ast.expr)]
    if any(_MEMORY.search(last_name(one)) for one in parts):
        return True
    targets = node.targets if isinstance(node, ast.Assign) else []
    switched_on = isinstance(node.value, ast.Constant) and node.value.value is True
    return switched_on and any(_MEMORY.search(last_name(target)) for target in targets)
