"""Whether a shared secret is worth the name."""

import math
import re
from collections import Counter
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Final

MIN_BYTES: Final = 32  # RFC 7518, 3.2: a key of at least the hash's size
MIN_DISTINCT: Final = 10
MIN_BITS_PER_BYTE: Final = 3.0
MIN_UNIT: Final = 16
# What may be left of a secret without its well-known words before it counts as made of them.
MIN_REST: Final = 24


@cache
def known_words() -> re.Pattern[str]:
    """Any of the well-known words, the longest first; they are data beside this module."""
    text = files("arqonbus.shield").joinpath("known_secrets.txt").read_text(encoding="utf-8")
    words = [line for line in text.splitlines() if line and not line.startswith("#")]
    return re.compile("|".join(re.escape(word) for word in sorted(words, key=len, reverse=True)))


def weakness(secret: bytes, least: int = MIN_BYTES) -> str | None:
    """Why the secret is too weak to sign with, or None; never a part of the secret itself.

    `least` is the number of bytes of the hash it is for.
    """
    if _made_of_known_words(secret):
        return "is, or is made of, a well-known default"
    if len(secret) < least:
        return f"has {len(secret)} bytes; at least {least} are needed"
    if _is_guessable(secret):
        return "has too little entropy; take one from `openssl rand -base64 48`"
    return None


def _made_of_known_words(secret: bytes) -> bool:
    text = secret.decode("utf-8", errors="replace").lower()
    rest = known_words().sub("", text)
    if rest == text:
        return False
    return len(rest) < MIN_REST or _is_guessable(rest.encode())


def _is_guessable(secret: bytes) -> bool:
    return (
        len(set(secret)) < MIN_DISTINCT
        or _bits_per_byte(secret) < MIN_BITS_PER_BYTE
        or _period(secret) < MIN_UNIT
        or _is_a_run(secret)
    )


def _bits_per_byte(secret: bytes) -> float:
    total = len(secret)
    return -sum(n / total * math.log2(n / total) for n in Counter(secret).values())


def _period(secret: bytes) -> int:
    """The length of the shortest text whose repetition gives the secret."""
    return next(
        (size for size in range(1, len(secret)) if secret[size:] == secret[:-size]), len(secret)
    )


def _is_a_run(secret: bytes) -> bool:
    """Whether most steps go to the same or a neighbouring byte, as in 0123456789abcdef."""
    steps = [abs(after - before) <= 1 for before, after in pairwise(secret)]
    return sum(steps) * 2 > len(steps)
