"""All scenarios, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks.durability.faults import fails_degraded, fails_strict, weakened_strict
from checks.durability.losses import flushed, killed
from checks.durability.rules import DOWN
from checks.durability.stage import Limits, Stage
from checks.durability.starts import (
    dead_degraded,
    dead_strict,
    memory,
    second_writer,
    unsafe_degraded,
    unsafe_strict,
)
from checks.durability.valkey import Valkey
from checks.fault import Fault, NoAnswerError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from checks.fault import Faults

SCENARIOS: Mapping[str, Callable[[Stage], Faults]] = {
    "dead-strict": dead_strict,
    "no-append-only-file": unsafe_strict("appendonly", "no", {}),
    "no-fsync-before-the-answer": unsafe_strict("appendfsync", "everysec", {}),
    "evicts-streams": unsafe_strict("maxmemory-policy", "allkeys-lru", {"maxmemory": "64mb"}),
    "no-fsync-degraded": unsafe_degraded,
    "dead-degraded": dead_degraded,
    "dies-strict": fails_strict(Valkey.kill, Valkey.start),
    "dies-degraded": fails_degraded(Valkey.kill, Valkey.start),
    "hangs-strict": fails_strict(Valkey.freeze, Valkey.thaw),
    "hangs-degraded": fails_degraded(Valkey.freeze, Valkey.thaw),
    "weakened-strict": weakened_strict,
    "flushed": flushed,
    "killed-sqlite": killed("sqlite"),
    "killed-redis": killed("redis"),
    "memory": memory,
    "second-sqlite": second_writer("sqlite"),
    "second-redis": second_writer("redis"),
}


def play(name: str, command: Sequence[str], valkey: Path, limits: Limits) -> list[Fault]:
    """Play one scenario with `command` as the bus and return what was wrong, each once."""
    faults: list[Fault] = []
    with Stage(command, valkey, limits) as stage:
        try:
            faults.extend(SCENARIOS[name](stage))
        except NoAnswerError as error:
            faults.append(Fault(DOWN, str(error)))
    return list(dict.fromkeys(faults))
