"""Ids: UUIDv7 for messages (RFC 9562, section 5.7), short random ones for clients and epochs."""

from __future__ import annotations

import re
import secrets

ID_PATTERN = r"^[A-Za-z0-9_.:-]{1,64}$"
_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}", re.ASCII)
_COUNTER_BITS = 48
_TABLE = 4096
_LOWER_DIGITS = tuple(b"%03x" % number for number in range(_TABLE))


def is_id(text: str) -> bool:
    """Whether a client may use `text` as an id: 1–64 of ``A-Za-z0-9_.:-``."""
    return _ID.fullmatch(text) is not None


class MessageIds:
    """Mints ``arq_`` + UUIDv7, increasing within a tick.

    The time and the upper random bits are drawn once a tick; the lower 48 bits start at a random
    value and count (RFC 9562, section 6.2, method 2), which keeps minting to one concatenation.
    """

    def __init__(self) -> None:
        self._time = b""
        self._upper = 0
        self._lower = 0
        self._prefix = b""

    def start_tick(self, unix_ms: int) -> None:
        """Fix the time part for the messages of one tick."""
        time = f"{unix_ms:012x}"
        # The counter's top bit is left clear so that counting within a tick never overflows it.
        random = secrets.randbits(26 + _COUNTER_BITS - 1)
        counter, random = random & (1 << _COUNTER_BITS - 1) - 1, random >> _COUNTER_BITS - 1
        a, b = random >> 14, 0x8000 | (random & 0x3FFF)
        self._time = f"arq_{time[:8]}-{time[8:]}-7{a:03x}-{b:04x}-".encode()
        self._upper, self._lower = divmod(counter, _TABLE)
        self._set_prefix()

    def mint(self) -> bytes:
        """The next id, ASCII."""
        self._lower = lower = self._lower + 1
        if lower == _TABLE:
            self._lower = lower = 0
            self._upper += 1
            self._set_prefix()
        return self._prefix + _LOWER_DIGITS[lower]

    def _set_prefix(self) -> None:
        self._prefix = b"%b%09x" % (self._time, self._upper)


def new_epoch() -> str:
    """A stream's epoch: 10 random hex digits; a new one means that the old stream is gone."""
    return secrets.token_hex(5)


def new_client_id() -> str:
    """A client's id, unique among connections with overwhelming probability."""
    return "c_" + secrets.token_hex(6)
