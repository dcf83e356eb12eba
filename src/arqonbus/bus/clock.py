"""Time as the bus uses it: a source that is passed in, and its text form."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], int]


def wall_clock() -> int:
    """Microseconds since the Unix epoch."""
    return time.time_ns() // 1000


def rfc3339(micros: int) -> str:
    """RFC 3339 UTC with microseconds, as in ``2026-01-02T03:04:05.000006Z``."""
    seconds, rest = divmod(micros, 1_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:06d}Z"


def micros(moment: datetime) -> int:
    """Microseconds since the Unix epoch, exactly."""
    seconds = int(moment.replace(microsecond=0).timestamp())
    return seconds * 1_000_000 + moment.microsecond
