"""Outside frameworks that a control supports evidence for, read from policies/frameworks.toml."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from checks.policyfile import Text, read_policy

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILE = "frameworks.toml"


class Framework(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A catalogue of demands; `items` maps an item's id to its title."""

    name: Text
    version: Text
    items: dict[str, Text]


def load_frameworks(policies: Path) -> dict[str, Framework]:
    """Read all frameworks by their short names.

    Raises:
        PolicyError: the file is missing or malformed, or a framework lacks something.
    """
    return read_policy(policies / FILE, dict[str, Framework])


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
