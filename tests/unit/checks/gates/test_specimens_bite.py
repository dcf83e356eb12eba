"""Every specimen of these gates, so that a blunt rule is seen before a release check is run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from checks_support import ROOT

from checks.gates import cleanroom, startup, wheel
from checks.specimens import Specimen, discover, require_pairs

POLICIES = ROOT / "policies"


def specimens(gate: str) -> list[object]:
    return [pytest.param(one, id=one.name) for one in discover(POLICIES, gate)]


@pytest.mark.parametrize("specimen", specimens("wheel"))
def test_wheel(specimen: Specimen, tmp_path: Path) -> None:
    assert wheel._outcome(specimen, tmp_path).ok


@pytest.mark.parametrize("specimen", specimens("startup"))
def test_startup(specimen: Specimen) -> None:
    assert startup._outcome(specimen).ok


@pytest.mark.parametrize("specimen", specimens("cleanroom"))
def test_cleanroom(specimen: Specimen) -> None:
    assert cleanroom._outcome(specimen, Path(sys.executable)).ok


@pytest.mark.parametrize(
    "gate", [wheel.WheelGate, startup.StartupGate, cleanroom.CleanroomGate], ids=lambda g: g.name
)
def test_every_rule_has_a_bad_and_a_good_specimen(
    gate: type[wheel.WheelGate | startup.StartupGate | cleanroom.CleanroomGate],
) -> None:
    found = [one.outcome(fired=True) for one in discover(POLICIES, gate.name)]
    assert require_pairs(gate.rules, found) == []
