"""What policies/workflows.toml demands of the workflows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from checks.policyfile import Text, read_policy

if TYPE_CHECKING:
    from pathlib import Path

FILE = "workflows.toml"


class Call(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A command that a workflow must run, whole and by itself, on each of some triggers.

    `before` names a job that may only run after it; empty when there is none.
    """

    file: Text
    command: Text
    on: tuple[Text, ...]
    why: Text
    before: str = ""


class Write(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A right beyond reading that a job may have."""

    file: Text
    job: Text
    right: Text
    why: Text


class Demands(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole policy. `least_rights` asks every job to name its own rights."""

    schema: Literal[1]
    least_rights: bool
    call: tuple[Call, ...] = ()
    write: tuple[Write, ...] = ()


def read_demands(path: Path) -> Demands:
    """Read the policy.

    Raises:
        PolicyError: it is missing, malformed, or says something unknown.
    """
    return read_policy(path, Demands)
