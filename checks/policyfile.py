"""Reading policy files: whole, or refused with every problem at once."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

from checks.model import CouldNotRun

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class PolicyError(CouldNotRun):
    """The policy contradicts itself, the gates or the assessment; nothing may be judged by it."""


def read_toml(path: Path) -> dict[str, object]:
    """Return a policy file's contents.

    Raises:
        PolicyError: it is missing or malformed.
    """
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PolicyError(f"{path.name} can't be read: {error}") from error


def unknown_keys(label: str, table: Mapping[str, object], known: set[str]) -> list[str]:
    """Return a sentence for every key that a table should not have."""
    return [f"{label}: unknown key {key}" for key in sorted(set(table) - known)]
