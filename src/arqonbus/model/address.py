"""Where a message goes: a channel in a room."""

from __future__ import annotations

import re
from typing import NamedTuple

from arqonbus.errors import invalid

# The bus' own channels (journals of groups and of delayed messages); no client gets there.
SYSTEM_ROOM = "_arqonbus"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,127}", re.ASCII)


class Address(NamedTuple):
    """A room and a channel, each 1–128 of ``A-Za-z0-9_.-``, beginning with no dot or dash."""

    room: str
    channel: str

    def __str__(self) -> str:
        return f"{self.room}:{self.channel}"


def check_name(field: str, name: str) -> str:
    """A valid name of anything that clients name.

    Raises:
        ArqonBusError: VALIDATION_ERROR that names the field.
    """
    if not _NAME.fullmatch(name):
        raise invalid(f"{field}: 1–128 of A-Z a-z 0-9 _ . - are allowed, the first no dot or dash")
    return name


def check_address(room: str, channel: str) -> Address:
    """A valid address of both names.

    Raises:
        ArqonBusError: VALIDATION_ERROR that names the offending field.
    """
    check_name("room", room)
    check_name("channel", channel)
    if room == SYSTEM_ROOM:
        raise invalid(f"room: {SYSTEM_ROOM} is the bus' own")
    return Address(room, channel)
