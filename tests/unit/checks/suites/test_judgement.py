from __future__ import annotations

import tomllib

import pytest
from checks_support import ROOT
from unit.checks.suites.runs import WHOLE, demands, run

from checks.policyfile import PolicyError
from checks.suites import evidence as ev
from checks.suites import judgement
from checks.suites.narrowing import lenience, narrowings
from checks.suites.policy import make_policy, read_policy
from checks.workflows.policy import read_demands

ONE = "tests/unit/test_a.py::test_one"
TWO = "tests/unit/test_a.py::test_two[x]"


def rules(run: ev.Evidence, *files: str, **least: int) -> list[str]:
    return [one.rule for one in judgement.judge(run, demands(**least), files)]


def test_a_whole_run_is_faultless() -> None:
    whole = run({ONE: ev.PASSED, TWO: ev.PASSED})
    assert rules(whole, "tests/unit/test_a.py", unit=2) == []
    assert judgement.ran(whole) == {ONE, TWO}


def test_a_failure_is_told_with_its_test_and_python() -> None:
    (finding,) = judgement.judge(run({ONE: ev.FAILED}), demands(), ())
    assert (finding.rule, finding.context) == (judgement.FAILED, "test_one")
    assert finding.location
    assert finding.location.path == "tests/unit/test_a.py"
    assert "Python 3.12.1" in finding.message


def test_a_failure_has_one_fingerprint_on_every_python() -> None:
    prints = {
        one.fingerprint
        for python in ("3.11.9", "3.12.1")
        for one in judgement.judge(run({ONE: ev.FAILED}, python=python), demands(), ())
    }
    assert len(prints) == 1


def test_what_did_not_run_counts_for_nothing() -> None:
    some = run({ONE: ev.PASSED}, collected=(ONE, TWO))
    assert rules(some, unit=2) == [judgement.TOO_FEW, judgement.NOT_EXECUTED]


def test_what_was_taken_out_is_told_once() -> None:
    assert rules(run({ONE: ev.PASSED}, collected=(ONE, TWO), dropped=(TWO,))) == [
        judgement.NARROWED
    ]


def test_a_file_below_the_tests_is_a_test_by_its_name() -> None:
    names = ["tests/a/test_b.py", "tests/a/b_test.py", "tests/conftest.py", "tests/a/test_b.txt"]
    assert judgement.test_files([*names, "src/test_c.py"], "tests") == set(names[:2])


def test_a_test_outside_every_suite_is_told() -> None:
    found = run({ONE: ev.PASSED, "tests/test_b.py::test_two": ev.PASSED})
    assert rules(found) == [judgement.MISSING]


def test_an_excuse_holds_for_its_platform_and_reason_only() -> None:
    excuse = {
        "test": "tests/unit/test_a.py",
        "outcome": "skipped",
        "platforms": ["darwin"],
        "said": "no /proc",
        "reason": "there is none",
    }
    policy = demands((excuse,), unit=1)
    skipped = ev.Ended(ev.SKIPPED, "no /proc")
    there = run({ONE: ev.PASSED, TWO: ev.PASSED}, platform="darwin")
    there.tests[TWO] = skipped
    assert list(judgement.judge(there, policy, ())) == []
    assert judgement.excused(there, policy) == {TWO: "there is none"}
    here = run({ONE: ev.PASSED, TWO: ev.PASSED})
    here.tests[TWO] = skipped
    assert [one.rule for one in judgement.judge(here, policy, ())] == [judgement.SKIPPED]
    assert judgement.excused(here, policy) == {}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"least": {}}, "no suite"),
        ({"least": {"unit": 0}}, "at least one"),
        ({"least": {"unit": 1}, "schema": 2}, "schema 2"),
        ({"least": {"unit": 1}, "leats": {}}, "leats"),
        (
            {"least": {"unit": 1}, "apart": [{"suite": "unit", "command": "c", "reason": "r"}]},
            "apart",
        ),
        ({"least": {"unit": 1}, "excused": [{"test": "t"}]}, "outcome"),
    ],
)
def test_a_policy_that_demands_nothing_is_refused(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(PolicyError, match=said):
        make_policy({"schema": 1, **wrong})


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"outcome": "passed"}, "can't be excused"), ({"reason": " "}, "reasons are needed")],
)
def test_an_excuse_without_a_reason_is_refused(changes: dict[str, str], said: str) -> None:
    excuse = {"test": "t", "outcome": "skipped", "platforms": ["x"], "said": "s", "reason": "r"}
    with pytest.raises(PolicyError, match=said):
        demands(({**excuse, **changes},))


def test_options_that_change_nothing_are_not_told() -> None:
    assert [*narrowings(WHOLE), *lenience(WHOLE)] == []


def test_a_suite_that_runs_apart_is_not_missed_and_is_told() -> None:
    apart = {"suite": "browser", "command": "tox -e browser", "reason": "it needs one"}
    policy = make_policy({"schema": 1, "least": {"unit": 1}, "apart": [apart]})
    files = ["tests/unit/test_a.py", "tests/browser/test_page.py"]
    assert list(judgement.judge(run({ONE: ev.PASSED}), policy, files)) == []
    assert policy.elsewhere(files) == {files[1]: "run apart by tox -e browser: it needs one"}
    assert [one.rule for one in judgement.judge(run({ONE: ev.PASSED}), policy, files[:1])] == [
        judgement.MISSING
    ]


def test_what_the_own_policy_runs_apart_is_called_by_ci_alone() -> None:
    demanded = read_demands(ROOT / "policies" / "workflows.toml").call
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["pytest"]
    for one in read_policy(ROOT / "policies" / "suites.toml").apart:
        assert one.command in {call.command for call in demanded}
        assert f"tests/{one.suite}" in settings["ini_options"]["norecursedirs"]


def test_the_own_policy_excuses_tests_that_there_are() -> None:
    own = read_policy(ROOT / "policies" / "suites.toml")
    assert set(own.least) == {"unit", "integration", "e2e", "regression", "adversarial"}
    for one in own.excused:
        assert f'"{one.said}"' in (ROOT / one.test.partition("::")[0]).read_text("utf-8")
