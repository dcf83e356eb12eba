"""Every specimen of these gates, so that a blunt rule is seen before a release check is run."""

from __future__ import annotations

import pytest
from checks_support import ROOT

from checks.gates import cleanroom, startup, wheel
from checks.specimens import discover, require_pairs

POLICIES = ROOT / "policies"


@pytest.mark.parametrize(
    "gate", [wheel.WheelGate, startup.StartupGate, cleanroom.CleanroomGate], ids=lambda g: g.name
)
def test_every_rule_has_a_bad_and_a_good_specimen(
    gate: type[wheel.WheelGate | startup.StartupGate | cleanroom.CleanroomGate],
) -> None:
    found = [one.outcome(fired=True) for one in discover(POLICIES, gate.name)]
    assert require_pairs(gate.rules, found) == []
