"""Policies without a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arqonbus.model.action import Action
from arqonbus.shield.access.interface import Decision

if TYPE_CHECKING:
    from arqonbus.model.principal import Principal


class Everybody:
    """For a bus without authentication, which only its own machine reaches: all but administer."""

    epoch = "everybody"

    def decide(self, _principal: Principal, action: Action, _room: str, _channel: str) -> Decision:
        """See `AccessPolicy.decide`."""
        if action is Action.ADMIN:
            return Decision(
                allowed=False, rule="", why="administering needs a policy: set access.policy_file"
            )
        return Decision(allowed=True, rule="", why="there is no authentication")
