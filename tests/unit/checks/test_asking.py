from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from checks_support import BAD, FINDING, GOOD, DemoGate, gate_output, make_context, make_project

from checks.kept import Shelf
from checks.model import GateOutput, Location, Status
from checks.runner import run_gate

if TYPE_CHECKING:
    from pathlib import Path

    from checks.context import Context
    from checks.model import GateResult


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return make_context(make_project(tmp_path / "project"), tmp_path / "work")


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "kept")


def run(gate: DemoGate, context: Context, shelf: Shelf | None) -> GateResult:
    return run_gate(gate, context, without_specimens=(), shelf=shelf)


def test_an_answer_is_taken_again_and_the_result_says_so(context: Context, shelf: Shelf) -> None:
    gate = DemoGate(lambda _: gate_output())
    first, second = run(gate, context, shelf), run(gate, context, shelf)
    assert gate.asked == 1
    assert first.taken == ()
    assert {one.part for one in second.taken} == {"project", "specimens"}
    assert second.output == first.output
    assert second.status is Status.PASSED


def test_without_a_shelf_everything_is_done_anew(context: Context) -> None:
    gate = DemoGate(lambda _: gate_output())
    run(gate, context, None)
    assert run(gate, context, None).taken == ()
    assert gate.asked == 2


def test_other_inputs_are_looked_at(context: Context, shelf: Shelf) -> None:
    gate = DemoGate(lambda _: gate_output())
    run(gate, context, shelf)
    gate.facts = "another project"
    assert [one.part for one in run(gate, context, shelf).taken] == ["specimens"]
    assert gate.asked == 2


def test_a_gate_that_asks_the_world_is_always_asked(context: Context, shelf: Shelf) -> None:
    gate = DemoGate(lambda _: gate_output(), facts=None)
    run(gate, context, shelf)
    run(gate, context, shelf)
    assert gate.asked == 2


@pytest.mark.parametrize(
    ("output", "examples"),
    [
        (gate_output(FINDING), (BAD, GOOD)),
        (gate_output(), (replace(BAD, fired=False), GOOD)),
        (gate_output(), (BAD,)),
        (GateOutput(()), (BAD, GOOD)),
    ],
    ids=["finding", "blunt", "no good specimen", "no scope"],
)
def test_what_did_not_pass_is_looked_at_again(
    context: Context, shelf: Shelf, output: GateOutput, examples: tuple[object, ...]
) -> None:
    gate = DemoGate(lambda _: output, examples=examples)  # type: ignore[arg-type]  # a tuple of outcomes
    assert run(gate, context, shelf).status is not Status.PASSED
    second = run(gate, context, shelf)
    assert second.status is not Status.PASSED
    assert "project" not in {one.part for one in second.taken}
    assert bool(second.taken) is all(one.ok for one in gate.examples)
    assert gate.asked == 2


def test_another_rule_set_makes_another_answer(
    context: Context, shelf: Shelf, tmp_path: Path
) -> None:
    policies = tmp_path / "policies"
    policies.mkdir()
    (policies / "release.toml").write_text("a = 1\n")
    mine = replace(context, policies=policies)
    gate = DemoGate(lambda _: gate_output())
    run(gate, mine, shelf)
    (policies / "release.toml").write_text("a = 2\n")
    assert run(gate, mine, shelf).taken == ()


def test_another_gates_specimens_change_nothing(
    context: Context, shelf: Shelf, tmp_path: Path
) -> None:
    other = tmp_path / "policies/specimens/other/rule/bad_a.py"
    other.parent.mkdir(parents=True)
    other.write_text("1\n")
    mine = replace(context, policies=tmp_path / "policies")
    gate = DemoGate(lambda _: gate_output())
    run(gate, mine, shelf)
    other.write_text("2\n")
    assert len(run(gate, mine, shelf).taken) == 2


@pytest.mark.parametrize("damage", [b"", b"{}", b"not json", b'{"format": 0}'])
def test_a_damaged_answer_is_no_answer(context: Context, shelf: Shelf, damage: bytes) -> None:
    gate = DemoGate(lambda _: gate_output())
    run(gate, context, shelf)
    for file in shelf.folder.iterdir():
        file.write_bytes(damage)
    assert run(gate, context, shelf).taken == ()
    assert gate.asked == 2


def test_an_answer_under_another_key_is_no_answer(context: Context, shelf: Shelf) -> None:
    gate = DemoGate(lambda _: gate_output())
    run(gate, context, shelf)
    for file in list(shelf.folder.iterdir()):
        file.rename(file.with_stem("a" * 64))
    assert shelf.take("a" * 64) is None


def test_equal_findings_in_one_function_have_prints_of_their_own(context: Context) -> None:
    again = replace(FINDING, location=Location("src/parcel/a b.py", 9))
    result = run(DemoGate(lambda _: gate_output(FINDING, again)), context, None)
    assert result.output is not None
    one, other = result.output.findings
    assert one.fingerprint == FINDING.fingerprint
    assert (other.occurrence, other.fingerprint == one.fingerprint) == (2, False)


def test_old_answers_are_removed(context: Context, shelf: Shelf) -> None:
    run(DemoGate(lambda _: gate_output()), context, shelf)
    written = max(file.stat().st_mtime for file in shelf.folder.iterdir())
    shelf.forget_old(written + 29 * 86_400)
    assert len(list(shelf.folder.iterdir())) == 2
    shelf.forget_old(written + 31 * 86_400)
    assert list(shelf.folder.iterdir()) == []
