"""policies/vulnerabilities.toml: how old a snapshot of known vulnerabilities may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks.policyfile import PolicyError, read_toml, unknown_keys

if TYPE_CHECKING:
    from pathlib import Path

FILE = "vulnerabilities.toml"


def read_max_age(path: Path) -> int:
    """Return the greatest age in days.

    Raises:
        PolicyError: with every problem at once.
    """
    table = read_toml(path)
    problems = unknown_keys(path.name, table, {"schema", "max_age_days"})
    if table.get("schema") != 1:
        problems.append(f"{path.name}: schema must be 1")
    most = table.get("max_age_days")
    # In Python, True is an int.
    if isinstance(most, bool) or not isinstance(most, int) or most < 1:
        problems.append(f"{path.name}: max_age_days is a whole number from 1 on")
        most = 0
    if problems:
        raise PolicyError("; ".join(problems))
    return most
