"""What must hold of the access policy before anything listens."""

from __future__ import annotations

from collections.abc import Iterator

from arqonbus.app.access import access_policy
from arqonbus.config.model import Settings
from arqonbus.shield.access.interface import AccessProblem


def access_warnings(settings: Settings) -> tuple[str, ...]:
    """What is no reason not to start and should be known; only of a policy without problems."""
    return access_policy(settings).warnings


def access_problems(settings: Settings) -> Iterator[str]:
    """Every reason not to start that lies in the policy's file."""
    try:
        access_policy(settings)
    except AccessProblem as problem:
        yield from (f"access.policy_file: {it}" for it in problem.problems)
