"""policies/secrets.toml: what is not looked at, and what looks like a secret and is none."""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING, Literal

import msgspec

from checks.policyfile import Text, read_policy

if TYPE_CHECKING:
    from pathlib import Path

FILE = "secrets.toml"


class Skip(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Files that are not looked at; ``*`` in `path` matches any characters, also ``/``."""

    path: Text
    why: Text

    def covers(self, path: str) -> bool:
        """Tell whether a path is meant."""
        return fnmatch.fnmatchcase(path, self.path)


class Allow(Skip, frozen=True, forbid_unknown_fields=True):
    """Files that may hold what detect-secrets calls by these names."""

    kinds: frozenset[Text]


class Demands(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole policy; with `all_needed` an entry that covers nothing is a finding."""

    schema: Literal[1]
    all_needed: bool
    skip: tuple[Skip, ...] = ()
    allow: tuple[Allow, ...] = ()


def read_demands(path: Path) -> Demands:
    """Read the policy.

    Raises:
        PolicyError: it is missing, malformed, or says something unknown.
    """
    return read_policy(path, Demands)
