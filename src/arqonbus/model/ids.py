"""Ids: UUIDv7 for messages (RFC 9562, section 5.7), short random ones for clients and epochs."""

from __future__ import annotations

import re
import secrets

ID_PATTERN = r"^[A-Za-z0-9_.:-]{1,64}$"
_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}", re.ASCII)
_COUNTER_BITS = 48


def is_id(text: str) -> bool:
    """Whether a client may use `text` as an id: 1–64 of ``A-Za-z0-9_.:-``."""
    return _ID.fullmatch(text) is not None


class MessageIds:
    """Mints ``arq_`` + UUIDv7, increasing within a tick.

    The time and the upper random bits are drawn once a tick; the lower 48 bits start at a random
    value and count (RFC 9562, section 6.2, method 2), which keeps minting to one formatting.
    """

    def __init__(self) -> None:
        self._prefix = b""
        self._counter = 0

    def start_tick(self, unix_ms: int) -> None:
        """Fix the time part for the messages of one tick."""
        time = f"{unix_ms:012x}"
        random = secrets.randbits(26)
        a, b = random >> 14, 0x8000 | (random & 0x3FFF)
        self._prefix = f"arq_{time[:8]}-{time[8:]}-7{a:03x}-{b:04x}-".encode()
        # The top bit is left clear so that counting within a tick never overflows the field.
        self._counter = secrets.randbits(_COUNTER_BITS - 1)

    def mint(self) -> bytes:
        """The next id, ASCII."""
        self._counter += 1
        return b"%b%012x" % (self._prefix, self._counter)


def new_epoch() -> str:
    """A stream's epoch: 10 random hex digits; a new one means that the old stream is gone."""
    return secrets.token_hex(5)


def new_client_id() -> str:
    """A client's id, unique among connections with overwhelming probability."""
    return "c_" + secrets.token_hex(6)
