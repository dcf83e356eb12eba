"""How long to wait before connecting again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

# 2.0 ** 63 s is beyond any limit; a larger exponent would only overflow.
_MOST_DOUBLINGS = 63


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential, with half of each delay drawn at random so that clients don't come in step.

    Attributes:
        first: seconds before the first new attempt, at most.
        factor: growth from attempt to attempt.
        limit: the longest delay; a connection that lived longer starts the count again.
    """

    first: float = 0.1
    factor: float = 2.0
    limit: float = 15.0

    def delay(self, attempt: int, random: Callable[[], float]) -> float:
        """Seconds before attempt number `attempt`, from 0; `random` gives numbers in [0, 1)."""
        top = min(self.limit, self.first * self.factor ** min(attempt, _MOST_DOUBLINGS))
        return top / 2 + random() * top / 2
