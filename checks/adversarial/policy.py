"""What the gate demands of itself and of a bus, read from policies/adversarial.toml."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from checks.policyfile import PolicyError, read_toml

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

FILE = "adversarial.toml"
_KEYS = {"schema", "seed", "answer", "growth_bytes", "fuzz_frames", "without_right", "minimum"}


@dataclass(frozen=True, slots=True)
class Demands:
    """See the comments in the file; `seed` is drawn where the file names none."""

    minimum: Mapping[str, int]
    seed: int
    answer: float
    growth_bytes: int
    fuzz_frames: int
    without_right: Mapping[str, str]


def read_demands(policies: Path, classes: Iterable[str]) -> Demands:
    """Return the demands.

    Raises:
        PolicyError: the file is missing or malformed, or it and the gate differ on the classes.
    """
    table: dict[str, Any] = dict(read_toml(policies / FILE))  # Any: TOML, judged key by key below
    if unknown := sorted(set(table) - _KEYS):
        raise PolicyError(f"{FILE}: unknown {', '.join(unknown)}")
    try:
        minimum = {str(name): _positive(value) for name, value in table["minimum"].items()}
        demands = Demands(
            minimum=minimum,
            seed=int(table["seed"]) if "seed" in table else secrets.randbits(32),
            answer=float(table["answer"]),
            growth_bytes=_positive(table["growth_bytes"]),
            fuzz_frames=_positive(table["fuzz_frames"]),
            without_right={str(k): str(v) for k, v in table["without_right"].items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise PolicyError(f"{FILE} can't be read: {error!r}") from error
    if different := sorted(set(minimum) ^ set(classes)):
        raise PolicyError(f"{FILE} and the gate differ on the classes {', '.join(different)}")
    return demands


def _positive(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{value!r} is no number of at least one")
    return value
