"""Ids: UUIDv7 for messages (RFC 9562, section 5.7), short random ones for clients and epochs."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from itertools import chain, count

# \Z and not $, which would let a final newline pass.
ID_PATTERN = r"^[A-Za-z0-9_.:-]{1,64}\Z"
_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}", re.ASCII)
_LOWER_DIGITS = tuple(b"%03x" % number for number in range(4096))


def is_id(text: str) -> bool:
    """Whether a client may use `text` as an id: 1–64 of ``A-Za-z0-9_.:-``."""
    return _ID.fullmatch(text) is not None


def message_ids(unix_ms: int) -> Iterator[bytes]:
    """Mints ``arq_`` + UUIDv7 of one millisecond, increasing, ASCII; never ends.

    The random bits are drawn once, then the lower 48 bits count (RFC 9562, section 6.2, method 2),
    which keeps minting to one concatenation.
    """
    time = f"{unix_ms:012x}"
    # Of the counter, the top bit is left clear so that it never overflows; the last three hex
    # digits begin at zero.
    random, start = divmod(secrets.randbits(26 + 35), 1 << 35)
    a, b = random >> 14, 0x8000 | (random & 0x3FFF)
    prefix = f"arq_{time[:8]}-{time[8:]}-7{a:03x}-{b:04x}-".encode()
    return chain.from_iterable(
        map((b"%b%09x" % (prefix, upper)).__add__, _LOWER_DIGITS) for upper in count(start)
    )


def new_epoch() -> str:
    """A stream's epoch: 10 random hex digits; a new one means that the old stream is gone."""
    return secrets.token_hex(5)


def new_client_id() -> str:
    """A client's id, unique among connections with overwhelming probability."""
    return "c_" + secrets.token_hex(6)
