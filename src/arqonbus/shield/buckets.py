"""Token buckets: so much a second on average, and so much at once. Pure: the time is passed in."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

_SWEEP_SECONDS: Final = 1.0


class TokenBucket:
    """A budget that refills by `rate` a second up to `burst`.

    What is larger than a full bucket is taken from a full one and leaves a debt, so that the rate
    holds in the long run and nothing is refused for ever.
    """

    __slots__ = ("_at", "_burst", "_level", "_rate")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._level = burst
        self._at = now

    def wait(self, now: float, amount: float = 1.0) -> float:
        """Seconds until so much could be taken; 0 when it can be now."""
        if now > self._at:  # a clock that jumps back gives nothing, and nothing twice
            self._level = min(self._burst, self._level + (now - self._at) * self._rate)
            self._at = now
        return max(0.0, min(amount, self._burst) - self._level) / self._rate

    def take(self, now: float, amount: float = 1.0) -> float:
        """Take so much and answer 0, or take nothing and answer the seconds to wait."""
        wait = self.wait(now, amount)
        if wait == 0.0:
            self._level -= amount
        return wait

    def full(self, now: float) -> bool:
        """Whether nothing of it is in use."""
        return self.wait(now, self._burst) == 0.0


class Buckets:
    """A bucket for each key, in bounded memory.

    A bucket that is full again is forgotten: a new one would be the same. When there are still too
    many, those that have none yet share one, so that making up keys gains nothing.
    """

    __slots__ = ("_buckets", "_burst", "_max_keys", "_rate", "_rest", "_swept")

    def __init__(self, rate: float, burst: float, max_keys: int) -> None:
        self._rate = rate
        self._burst = burst
        self._max_keys = max_keys
        self._buckets: dict[Hashable, TokenBucket] = {}
        self._rest: TokenBucket | None = None
        self._swept = float("-inf")

    def __len__(self) -> int:
        return len(self._buckets)

    def wait(self, key: Hashable, now: float) -> float:
        """See `TokenBucket.wait`; asking makes no bucket."""
        bucket = self._buckets.get(key)
        if bucket is None and len(self._buckets) >= self._max_keys:
            bucket = self._rest
        return bucket.wait(now) if bucket else 0.0

    def take(self, key: Hashable, now: float) -> float:
        """See `TokenBucket.take`."""
        return self._bucket(key, now).take(now)

    def _bucket(self, key: Hashable, now: float) -> TokenBucket:
        bucket = self._buckets.get(key)
        if bucket is not None:
            return bucket
        if len(self._buckets) >= self._max_keys:
            self._sweep(now)
        made = TokenBucket(self._rate, self._burst, now)
        if len(self._buckets) < self._max_keys:
            self._buckets[key] = made
            return made
        if self._rest is None:
            self._rest = made
        return self._rest

    def _sweep(self, now: float) -> None:
        # Seldom: looking through all of them for each new key would be an attack of its own.
        if now - self._swept < _SWEEP_SECONDS:
            return
        self._swept = now
        self._buckets = {key: one for key, one in self._buckets.items() if not one.full(now)}
