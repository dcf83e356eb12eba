"""What somebody may be allowed to do."""

from __future__ import annotations

import enum


class Action(enum.StrEnum):
    """One kind of use that a policy allows or denies.

    DIRECT (messages to a client) and ADMIN concern no channel; all others are done to one.
    """

    PUBLISH = "publish"
    SUBSCRIBE = "subscribe"
    HISTORY = "history"
    PRESENCE = "presence"
    CREATE = "create"
    DELETE = "delete"
    GROUP = "group"
    DIRECT = "direct"
    ADMIN = "admin"

    @property
    def has_address(self) -> bool:
        """Whether it is done to a channel."""
        return self not in {Action.DIRECT, Action.ADMIN}
