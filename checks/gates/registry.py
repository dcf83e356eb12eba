"""All gates, in the order in which they are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks.gates.shadowing import ShadowingGate

if TYPE_CHECKING:
    from checks.gates.interface import Gate


def all_gates() -> tuple[Gate, ...]:
    """Return one of each gate: what is looked at first stands first."""
    return (ShadowingGate(),)
