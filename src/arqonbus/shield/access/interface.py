"""What an access policy is, and how it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from arqonbus.model.action import Action
    from arqonbus.model.principal import Principal


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether something is allowed, by which rule, and why; for logs and operators, not for the
    peer.
    """

    allowed: bool
    rule: str
    why: str


class AccessPolicy(Protocol):
    """Decides from data alone; `epoch` tells one policy from another."""

    epoch: str

    def decide(self, principal: Principal, action: Action, room: str, channel: str) -> Decision:
        """Whether `principal` may do that in a channel of its own tenant; the names are bare, and
        empty for actions that concern no channel.
        """
        ...
