"""What a project declares and an environment of its runtime lock lacks on purpose."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


def for_development(document: Mapping[str, object]) -> set[str]:
    """Return what pyproject.toml names in groups that only development needs.

    Beside the standard's groups (PEP 735) there are those of uv, pdm and poetry from before it.
    """
    tool = _table(document, "tool")
    poetry = _table(tool, "poetry")
    listed = [
        *_table(document, "dependency-groups").values(),
        *_table(_table(tool, "pdm"), "dev-dependencies").values(),
        _table(tool, "uv").get("dev-dependencies"),
        _table(poetry, "dev-dependencies"),
        *(_table(group, "dependencies") for group in _table(poetry, "group").values()),
    ]
    return {_name(one) for group in listed for one in _texts(group)}


def for_other_machines(document: Mapping[str, object]) -> set[str]:
    """Return what is declared with markers of which none holds here."""
    project = _table(document, "project")
    extras = _table(project, "optional-dependencies").values()
    wanted: dict[str, bool] = {}
    for text in (one for group in (project.get("dependencies"), *extras) for one in _texts(group)):
        name = _name(text)
        wanted[name] = wanted.get(name, False) or _holds(text)
    return {name for name, here in wanted.items() if not here}


def _holds(text: str) -> bool:
    try:
        marker = Requirement(text).marker
    except InvalidRequirement:
        return True  # it is for the gate `metadata` to refuse
    return marker is None or marker.evaluate({"extra": ""})


def _name(text: str) -> str:
    return canonicalize_name(re.split(r"[^\w.-]", text.strip())[0])


def _texts(group: object) -> Iterator[str]:
    """Yield the requirements of a list, or the names that are a table's keys."""
    entries: Iterable[object] = group if isinstance(group, list | dict) else ()
    yield from (one for one in entries if isinstance(one, str))


def _table(table: object, key: str) -> dict[str, object]:
    inner = table.get(key) if isinstance(table, dict) else None
    return inner if isinstance(inner, dict) else {}
