"""policies/vulnerabilities.toml: how old a snapshot of known vulnerabilities may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from checks.policyfile import read_policy

if TYPE_CHECKING:
    from pathlib import Path

FILE = "vulnerabilities.toml"


class _Demands(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    schema: Literal[1]
    max_age_days: Annotated[int, msgspec.Meta(ge=1)]


def read_max_age(path: Path) -> int:
    """Return the greatest age in days.

    Raises:
        PolicyError: the file is missing, malformed, or says something unknown.
    """
    return read_policy(path, _Demands).max_age_days
