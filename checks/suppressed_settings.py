"""What the settings in pyproject.toml let the tools pass over in general, and what hides all."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

KINDS = frozenset({"ruff-settings", "mypy-settings", "deptry-settings", "coverage-settings"})
_IGNORE = ("ignore", "extend-ignore")
_PER_FILE = ("per-file-ignores", "extend-per-file-ignores")
_TESTS = frozenset({"tests", "test"})


def in_settings(pyproject: Mapping[str, object]) -> dict[str, int]:
    """Count by kind what the tools are told to pass over."""
    mypy = _table(pyproject, "tool", "mypy")
    overrides = mypy.get("overrides", [])
    return {
        "ruff-settings": len(_ruff_general(pyproject)) + len(_ruff_per_file(pyproject)),
        "mypy-settings": len(_texts(mypy.get("disable_error_code")))
        + sum(mypy.get(one) is True for one in ("ignore_errors", "ignore_missing_imports"))
        + (len(overrides) if isinstance(overrides, list) else 0),
        "deptry-settings": len(_table(pyproject, "tool", "deptry", "per_rule_ignores")),
        "coverage-settings": len(
            _texts(_table(pyproject, "tool", "coverage", "report").get("exclude_lines"))
        ),
    }


def hides_all(pyproject: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Yield the settings, with their kind, by which a tool says nothing of what is shipped."""
    if "ALL" in _ruff_general(pyproject):
        yield "ruff-settings", "ruff ignores ALL"
    mypy = _table(pyproject, "tool", "mypy")
    if mypy.get("ignore_errors") is True:
        yield "mypy-settings", "mypy has ignore_errors"
    overrides = mypy.get("overrides", [])
    for one in overrides if isinstance(overrides, list) else ():
        table = _table(one)
        module = table.get("module")
        names = [str(module)] if isinstance(module, str) else _texts(module)
        shipped = [name for name in names if name.partition(".")[0] not in _TESTS]
        if table.get("ignore_errors") is True and shipped:
            yield "mypy-settings", f"mypy has ignore_errors for {', '.join(shipped)}"


def _ruff_general(pyproject: Mapping[str, object]) -> list[str]:
    return [code for one in _ruff(pyproject) for key in _IGNORE for code in _texts(one.get(key))]


def _ruff_per_file(pyproject: Mapping[str, object]) -> list[str]:
    return [
        code
        for one in _ruff(pyproject)
        for key in _PER_FILE
        for codes in _table(one, key).values()
        for code in _texts(codes)
    ]


def _ruff(pyproject: Mapping[str, object]) -> list[dict[str, object]]:
    """Return ruff's two tables: its older settings stand outside of ``lint``, and still hold."""
    return [_table(pyproject, "tool", "ruff"), _table(pyproject, "tool", "ruff", "lint")]


def _table(node: object, *keys: str) -> dict[str, object]:
    for key in keys:
        node = node.get(key) if isinstance(node, dict) else None
    return node if isinstance(node, dict) else {}


def _texts(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []
