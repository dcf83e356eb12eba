"""Outside frameworks that a control supports evidence for, read from policies/frameworks.toml."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from checks.policyfile import PolicyError, read_toml, unknown_keys

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILE = "frameworks.toml"


@dataclass(frozen=True, slots=True)
class Framework:
    """A catalogue of demands; `items` maps an item's id to its title."""

    name: str
    version: str
    items: dict[str, str]


def load_frameworks(policies: Path) -> dict[str, Framework]:
    """Read all frameworks by their short names.

    Raises:
        PolicyError: with every problem at once.
    """
    data = read_toml(policies / FILE)
    problems: list[str] = []
    frameworks: dict[str, Framework] = {}
    for key, table in data.items():
        if isinstance(table, dict) and not (wrong := _problems(key, table)):
            frameworks[key] = Framework(table["name"], table["version"], dict(table["items"]))
        else:
            problems += wrong if isinstance(table, dict) else [f"{FILE}: {key} is not a table"]
    if problems:
        raise PolicyError("; ".join(problems))
    return frameworks


def map_problems(
    label: str, maps: Mapping[str, tuple[str, ...]], frameworks: Mapping[str, Framework]
) -> list[str]:
    """Return a sentence for every item that no framework has."""
    problems = [f"{label}: there is no framework {key}" for key in maps if key not in frameworks]
    return problems + [
        f"{label}: {key} has no item {item}"
        for key, items in maps.items()
        if key in frameworks
        for item in items
        if item not in frameworks[key].items
    ]


def _problems(key: str, table: Mapping[str, object]) -> list[str]:
    problems = unknown_keys(f"{FILE}: {key}", table, {"name", "version", "items"})
    problems += [
        f"{FILE}: {key} has no {name}"
        for name in ("name", "version")
        if not isinstance(table.get(name), str)
    ]
    items = table.get("items")
    if not isinstance(items, dict) or not all(isinstance(one, str) for one in items.values()):
        problems.append(f"{FILE}: {key} has no table of items with titles")
    return problems
