"""What a store can do beyond keeping streams while this process lives."""

from __future__ import annotations

import enum


class Capability(enum.StrEnum):
    """Declared by each backend, shown in `status`; a setting that needs one which the configured
    backend lacks stops the start.

    GROUPS: consumer groups. DELAYED: messages that are delivered later. RESTART: what was stored is
    there again after the process ended, however it ended.
    """

    GROUPS = "groups"
    DELAYED = "delayed"
    RESTART = "restart"
