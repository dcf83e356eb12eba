"""Which access policy the settings ask for."""

from __future__ import annotations

from arqonbus.config.model import Settings
from arqonbus.shield.access.builtin import ClosedPolicy, OpenPolicy
from arqonbus.shield.access.file import FilePolicy


def access_policy(settings: Settings) -> FilePolicy | OpenPolicy | ClosedPolicy:
    """The policy to decide by.

    Raises:
        AccessProblem: its file can't be read or is wrong, with every problem.
    """
    if settings.access.policy_file is not None:
        return FilePolicy(settings.access.policy_file)
    return OpenPolicy() if settings.auth.mode == "none" else ClosedPolicy()
