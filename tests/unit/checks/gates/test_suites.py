"""What the gate makes of evidence that is missing, old, partial or damning."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import pytest
from checks_support import make_context, make_project
from unit.checks.suites.runs import judged, run

from checks.gates.suites import SuitesGate
from checks.inventory import take_inventory
from checks.model import Mode, Status
from checks.suites import evidence as ev

if TYPE_CHECKING:
    from pathlib import Path

    from checks.context import Context

ONE, TWO = "tests/unit/test_a.py::test_one", "tests/unit/test_a.py::test_two"


@pytest.fixture
def context(tmp_path: Path) -> Context:
    project = make_project(tmp_path / "project")
    (project / "tests" / "unit").mkdir(parents=True)
    (project / "tests" / "unit" / "test_a.py").write_text("")
    (project / "policies").mkdir()
    (project / "policies" / "suites.toml").write_text("schema = 1\n[least]\nunit = 1\n")
    return make_context(project, tmp_path / "work", own=False)


def left(context: Context, evidence: ev.Evidence, name: str = "py312.json") -> None:
    """Leave evidence as a run over the tree as it is now would."""
    tree = ev.tree_digest(context.project)
    about = ev.Tree(None, None, tree, tree)
    ev.write(context.project / ev.FOLDER / name, replace_tree(evidence, about))


def replace_tree(evidence: ev.Evidence, tree: ev.Tree) -> ev.Evidence:
    return msgspec.structs.replace(evidence, tree=tree)


def test_a_whole_run_over_this_tree_passes_and_names_its_tests(context: Context) -> None:
    left(context, run({ONE: ev.PASSED, TWO: ev.PASSED}))
    result = judged(context)
    assert result.status is Status.PASSED, result.reason
    units = take_inventory(context.project, context.manifest, None, (), [result])
    told = {one.unit: one.names for one in units}
    assert told["tests collected"] == told["tests executed"] == {ONE, TWO}


@pytest.mark.parametrize(
    ("mode", "status"),
    [(Mode.DEGRADED, Status.NOT_EVALUATED), (Mode.STRICT, Status.FAILED)],
)
def test_without_evidence_nothing_is_said(context: Context, mode: Mode, status: Status) -> None:
    result = judged(replace(context, mode=mode))
    assert result.status is status
    assert "scripts/test" in result.reason


def test_evidence_of_another_tree_is_none(context: Context) -> None:
    left(context, run({ONE: ev.PASSED}))
    (context.project / "tests" / "unit" / "test_a.py").write_text("# changed since\n")
    result = judged(context)
    assert result.status is Status.NOT_EVALUATED
    assert "another tree" in result.reason


def test_a_tree_that_changed_while_the_tests_ran_is_another(context: Context) -> None:
    now = ev.tree_digest(context.project)
    changed = replace_tree(run({ONE: ev.PASSED}), ev.Tree(None, None, "before", now))
    ev.write(context.project / ev.FOLDER / "py312.json", changed)
    assert judged(context).status is Status.NOT_EVALUATED


def test_old_evidence_beside_new_is_told_and_left_out(context: Context) -> None:
    left(context, run({ONE: ev.PASSED}))
    ev.write(context.project / ev.FOLDER / "py311.json", run({ONE: ev.FAILED}))
    result = judged(context)
    assert result.status is Status.PASSED
    assert result.output
    assert "py311.json" in result.output.warnings[0]


def test_every_runs_failures_count_also_those_from_other_machines(context: Context) -> None:
    left(context, run({ONE: ev.PASSED}), "one/py312.json")
    left(context, run({ONE: ev.FAILED}), "two/py312.json")
    result = judged(context)
    assert result.output
    assert [one.rule for one in result.output.findings] == ["suites.failed"]


def test_a_test_that_ran_on_one_python_only_was_missed(context: Context) -> None:
    left(context, run({ONE: ev.PASSED, TWO: ev.PASSED}), "py311.json")
    left(context, run({ONE: ev.PASSED}, collected=(ONE, TWO)), "py312.json")
    result = judged(context)
    assert result.status is Status.FAILED
    assert result.output
    assert result.output.scopes[0].missed == {TWO}


def test_a_test_file_of_which_nothing_was_collected_was_missed(context: Context) -> None:
    (context.project / "tests" / "unit" / "test_b.py").write_text("")
    left(context, run({ONE: ev.PASSED}))
    result = judged(context)
    assert result.output
    assert result.output.scopes[1].missed == {"tests/unit/test_b.py"}


def test_damaged_evidence_stops_the_gate(context: Context) -> None:
    left(context, run({ONE: ev.PASSED}))
    (context.project / ev.FOLDER / "py313.json").write_text("{")
    assert judged(context).status is Status.COULD_NOT_RUN


def test_a_release_needs_every_python_that_it_promises(context: Context) -> None:
    pyproject = context.project / "pyproject.toml"
    versions = [f'"Programming Language :: Python :: {one}"' for one in ("3", "3.11", "3.12")]
    promised = f"[project]\nclassifiers = [{','.join(versions)}]"
    pyproject.write_text(pyproject.read_text().replace("[project]", promised))
    left(context, run({ONE: ev.PASSED}))
    degraded = judged(context)
    assert degraded.status is Status.PASSED
    assert degraded.output
    assert [one for one in degraded.output.warnings if "Python 3.11" in one]
    strict = judged(replace(context, mode=Mode.STRICT))
    assert strict.status is Status.FAILED
    assert "3.11" in strict.reason


def test_a_policy_that_demands_far_too_little_is_told(context: Context) -> None:
    left(context, run({f"{ONE}[{n}]": ev.PASSED for n in range(5)}))
    result = judged(context)
    assert result.output
    assert "suites.toml demands 1" in result.output.warnings[0]


def test_a_project_that_says_nothing_of_its_suites_is_not_judged(context: Context) -> None:
    (context.project / "policies" / "suites.toml").unlink()
    assert judged(context).status is Status.NOT_APPLICABLE


def test_what_may_be_kept_depends_on_tree_and_evidence(context: Context) -> None:
    gate = SuitesGate()
    left(context, run({ONE: ev.PASSED}))
    first = gate.inputs(context)
    assert gate.inputs(context) == first
    left(context, run({ONE: ev.FAILED}))
    second = gate.inputs(context)
    (context.project / "notes.txt").write_text("new")
    assert len({first, second, gate.inputs(context)}) == 3
