"""What decides where no policy file is configured."""

from __future__ import annotations

from typing import Final

from arqonbus.model.action import Action
from arqonbus.model.principal import Principal
from arqonbus.shield.access.interface import DEFAULT, Decision

_NO_FILE: Final = "no access policy is configured: whoever runs the server sets access.policy_file"
_WARNING: Final = (
    "access.policy_file is not set, so every publish, subscribe and other use is FORBIDDEN to "
    "everybody; `arqonbus access init FILE` writes a policy to begin with"
)


class OpenPolicy:
    """Everything but to administer: for auth.mode none, which loopback alone may have."""

    epoch = "builtin-open"
    warnings: tuple[str, ...] = ()

    def decide(self, principal: Principal, action: Action, room: str, channel: str) -> Decision:
        """Allowed, unless it is to administer: nobody has shown who it is."""
        del principal, room, channel
        if action is Action.ADMIN:
            return Decision(False, DEFAULT, "without authentication nobody administers")
        return Decision(True, DEFAULT, "there is neither authentication nor a policy")


class ClosedPolicy:
    """Nothing: for authentication without a policy file."""

    epoch = "builtin-closed"
    warnings = (_WARNING,)

    def decide(self, principal: Principal, action: Action, room: str, channel: str) -> Decision:
        """Denied, with what to do about it."""
        del principal, action, room, channel
        return Decision(False, DEFAULT, _NO_FILE)
