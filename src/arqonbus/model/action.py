"""What somebody may be allowed to do."""

from __future__ import annotations

import enum


class Action(enum.StrEnum):
    """`DIRECT` (messages to a client) and `ADMIN` concern no channel; all others concern one."""

    PUBLISH = "publish"
    SUBSCRIBE = "subscribe"
    HISTORY = "history"
    PRESENCE = "presence"
    CREATE = "create"
    DELETE = "delete"
    GROUP = "group"
    DIRECT = "direct"
    ADMIN = "admin"
