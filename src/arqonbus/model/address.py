"""Where a message goes: a channel in a room of a tenant."""

from __future__ import annotations

import re
from typing import NamedTuple

from arqonbus.errors import invalid

# The bus' own channels (journals of groups and of delayed messages); no client gets there.
SYSTEM_ROOM = "_arqonbus"
# Whose rooms bear no tenant's name: that of everybody while there is no authentication.
DEFAULT_TENANT = "default"
# Between a tenant and its room; no name may hold it, so that no two spellings meet.
_SEPARATOR = "/"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,127}", re.ASCII)


class Address(NamedTuple):
    """A room and a channel, each 1–128 of ``A-Za-z0-9_.-``, beginning with no dot or dash.

    `room` is qualified by its tenant (``TENANT/ROOM``; the room alone in tenant ``default``), which
    is what everything within the bus and its stores goes by. What clients are told is `name` and
    `str`, which are the same in every tenant.
    """

    room: str
    channel: str

    @property
    def tenant(self) -> str:
        """Whose room it is."""
        tenant, separator, _ = self.room.partition(_SEPARATOR)
        return tenant if separator else DEFAULT_TENANT

    @property
    def name(self) -> str:
        """The room as its tenant calls it."""
        return self.room.rpartition(_SEPARATOR)[2]

    @property
    def path(self) -> str:
        """Its tenant included: for stores and for who runs the server, not for clients."""
        return f"{self.room}:{self.channel}"

    def __str__(self) -> str:
        return f"{self.name}:{self.channel}"


def is_name(text: str) -> bool:
    """Whether `text` may name a room, a channel, a group or a tenant."""
    return _NAME.fullmatch(text) is not None


def check_name(field: str, name: str) -> str:
    """A valid name of anything that clients name.

    Raises:
        ArqonBusError: VALIDATION_ERROR that names the field.
    """
    if not is_name(name):
        raise invalid(f"{field}: 1–128 of A-Z a-z 0-9 _ . - are allowed, the first no dot or dash")
    return name


def check_address(tenant: str, room: str, channel: str) -> Address:
    """The address of what a member of `tenant` calls so.

    Raises:
        ArqonBusError: VALIDATION_ERROR that names the offending field.
    """
    check_name("room", room)
    check_name("channel", channel)
    if room == SYSTEM_ROOM:
        raise invalid(f"room: {SYSTEM_ROOM} is the bus' own")
    return Address(qualified(tenant, room), channel)


def qualified(tenant: str, room: str) -> str:
    """The room of a tenant as the bus and its stores name it."""
    return room if tenant == DEFAULT_TENANT else f"{tenant}{_SEPARATOR}{room}"
