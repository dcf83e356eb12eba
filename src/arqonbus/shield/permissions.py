"""What one principal may do under the policy in force, decided once for each address and action."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from arqonbus.model.action import Action

if TYPE_CHECKING:
    from arqonbus.model.principal import Principal
    from arqonbus.shield.access.interface import AccessPolicy, Decision

# Decisions that are kept for each connection; names are the client's to choose, and connections
# may be many. To publish often needs none of them (`gateway.member`).
KEPT: Final = 512
# What concerns a channel: whoever may do any of it may know that the channel is there.
_OF_CHANNELS: Final = tuple(action for action in Action if action.has_address)


class Guard:
    """The access policy in force for everybody, and whose tenant runs the server."""

    def __init__(self, policy: AccessPolicy, operator_tenant: str) -> None:
        self.policy = policy
        self.operator_tenant = operator_tenant


class Permissions:
    """One principal's decisions; they are forgotten when the policy changes."""

    def __init__(self, guard: Guard, principal: Principal) -> None:
        self._guard = guard
        self._principal = principal
        self._epoch = guard.policy.epoch
        self._known: dict[tuple[Action, str, str], Decision] = {}

    def decide(self, action: Action, room: str = "", channel: str = "") -> Decision:
        """What the policy in force says; names as the principal's tenant uses them."""
        policy = self._guard.policy
        if self._epoch != policy.epoch or len(self._known) >= KEPT:
            self._epoch = policy.epoch
            self._known.clear()
        key = action, room, channel
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = policy.decide(self._principal, *key)
        return known

    def sees(self, room: str, channel: str) -> bool:
        """Whether the principal may use the channel in any way."""
        return any(self.decide(action, room, channel).allowed for action in _OF_CHANNELS)
