"""What a project says of itself, and how a claim that is wrong is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from checks.model import Finding, Location

if TYPE_CHECKING:
    from pathlib import Path

Table = dict[str, Any]  # Any: TOML, whose shape validate-pyproject judges


@dataclass(frozen=True, slots=True)
class Said:
    """What one project says of itself, with the tag of its commit, if there is one."""

    folder: Path
    document: Table
    tags: tuple[str, ...] = ()

    @property
    def head(self) -> Table:
        """The ``[project]`` table."""
        head: Table = self.document.get("project", {})
        return head


def wrong(rule: str, text: str, path: str = "pyproject.toml") -> Finding:
    """Return the finding that a claim is wrong."""
    return Finding(rule, text, Location(path), snippet=text, context=rule)
