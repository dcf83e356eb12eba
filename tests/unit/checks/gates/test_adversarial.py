from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from checks_support import ROOT, make_context, make_project

from checks.adversarial.classes import CLASSES
from checks.adversarial.policy import FILE, read_demands
from checks.gates.adversarial import AdversarialGate
from checks.gates.interface import Gate
from checks.model import NotApplicable
from checks.policyfile import PolicyError, read_toml
from checks.specimens import discover, require_pairs

if TYPE_CHECKING:
    from pathlib import Path

POLICIES = ROOT / "policies"
TEXT = (POLICIES / FILE).read_text("utf-8")


def test_another_projects_tree_is_not_applicable(tmp_path: Path) -> None:
    context = make_context(make_project(tmp_path / "project"), tmp_path / "work")
    with pytest.raises(NotApplicable):
        AdversarialGate().check(context)


def test_every_rule_has_a_bad_and_a_good_specimen() -> None:
    found = [one.outcome(fired=True) for one in discover(POLICIES, "adversarial")]
    gate: Gate = AdversarialGate()
    assert require_pairs(gate.rules, found) == []


def test_every_specimen_is_of_a_class() -> None:
    assert {read_toml(one.path)["class"] for one in discover(POLICIES, "adversarial")} <= CLASSES


def test_each_run_draws_its_own_seed_unless_one_is_given(tmp_path: Path) -> None:
    drawn = {read_demands(POLICIES, CLASSES).seed for _ in range(4)}
    (tmp_path / FILE).write_text(TEXT.replace("# seed = 0", "seed = 77"))
    assert len(drawn) > 1
    assert read_demands(tmp_path, CLASSES).seed == 77


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("tokens = ", "tokns = ", "differ on the classes tokens, tokns"),
        ("answer = ", "anwser = ", "unknown anwser"),
        ("fuzz_frames = 4000", "fuzz_frames = 0", "no number of at least one"),
        ("json = 60", "json = true", "no number of at least one"),
        ("[minimum]", "[maximum]", "unknown maximum"),
        ("answer = 10.0", 'answer = "soon"', "could not convert"),
    ],
)
def test_a_policy_that_is_wrong_judges_nothing(
    tmp_path: Path, old: str, new: str, complaint: str
) -> None:
    assert old in TEXT
    (tmp_path / FILE).write_text(TEXT.replace(old, new))
    with pytest.raises(PolicyError, match=complaint):
        read_demands(tmp_path, CLASSES)


def test_without_its_policy_nothing_is_judged(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=FILE):
        read_demands(tmp_path, CLASSES)
