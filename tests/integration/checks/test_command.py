"""The command itself, with the policy of this repository, on projects made up for the test."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest
from checks_support import ROOT, DemoGate, Heard, gate_output, make_project
from jsonschema import Draft202012Validator

from checks.cli import main, parse
from checks.execute import execute, make_plan
from checks.gates.registry import all_gates
from checks.model import CouldNotRun, Mode, Status
from checks.policy import load_policy
from checks.specimens import discover
from checks.waivers import load_waivers

if TYPE_CHECKING:
    from pathlib import Path

    from checks.context import Context
    from checks.model import GateOutput

BACKEND = """
import pathlib, tarfile, zipfile

METADATA = "Metadata-Version: 2.1\\nName: parcel\\nVersion: 1.0\\n"

def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = "parcel-1.0-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(folder) / name, "w") as wheel:
        wheel.writestr("parcel/__init__.py", "")
        for file in ("METADATA", "WHEEL", "RECORD"):
            wheel.writestr("parcel-1.0.dist-info/" + file, METADATA)
    return name

def build_sdist(folder, config_settings=None):
    name = "parcel-1.0.tar.gz"
    with tarfile.open(pathlib.Path(folder) / name, "w:gz") as sdist:
        pathlib.Path("PKG-INFO").write_text(METADATA)
        for file in ("pyproject.toml", "backend.py", "PKG-INFO"):
            sdist.add(file, "parcel-1.0/" + file)
    return name
"""
RULE_TABLE = """
schema = 1
uri = "urn:x"
[[control]]
id = "DEMO-1"
title = "t"
objective = "o"
rationale = "r"
severity = "high"
owner = "w"
finding = ["critical-1", "critical-2", "critical-3", "high-1", "high-2", "high-3", "medium-1"]
exit_criterion = [1, 2, 3, 4, 5, 6]
gates = ["demo"]
rules = ["demo.rule"]
remediation = "m"
"""


def run(project: Path, reports: Path, *more: str) -> int:
    return main(
        ["--project", str(project), "--reports", str(reports), "--only", "shadowing", *more]
    )


def test_the_repositorys_own_policy_and_waivers_are_sound() -> None:
    gates = {gate.name: gate.rules for gate in all_gates()}
    policy = load_policy(ROOT / "policies", gates)
    load_waivers(
        ROOT / "policies" / "waivers.toml", {rule for rules in gates.values() for rule in rules}
    )
    for name, rules in gates.items():
        kinds = {(one.rule, one.should_fire) for one in discover(ROOT / "policies", name)}
        for rule in set(rules) - set(policy.without_specimens):
            assert {(rule, True), (rule, False)} <= kinds


def test_a_foreign_project_is_judged_and_a_break_turns_it_red(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = make_project(tmp_path / "project")
    # A back end of its own in the tree: an isolated build then installs nothing.
    (project / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "parcel"\nversion = "1.0"\n'
    )
    (project / "backend.py").write_text(BACKEND)
    assert run(project, tmp_path / "reports") == 0
    (project / "src/aiohttp").mkdir()
    (project / "src/aiohttp/__init__.py").write_text('"""Minimal aiohttp stub."""\n')
    assert run(project, tmp_path / "reports") == 1
    said = capsys.readouterr().out
    assert "src/aiohttp/__init__.py:1  shadowing.distribution" in said
    data = json.loads((tmp_path / "reports/report.json").read_text())
    schema = json.loads((ROOT / "policies/report.schema.json").read_text())
    Draft202012Validator(schema).validate(data)
    assert data["own"] is False
    assert str(tmp_path) not in (tmp_path / "reports/report.json").read_text()
    assert (tmp_path / "reports/dist/parcel-1.0-py3-none-any.whl").is_file()


def test_a_build_that_fails_could_not_run(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    (project / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "absent"\nbackend-path = ["."]\n'
        '[project]\nname = "parcel"\nversion = "1.0"\n'
    )
    assert run(project, tmp_path / "reports") == 2
    assert (tmp_path / "reports/report.json").is_file()


@pytest.mark.parametrize(
    "wrong",
    [["--only", "shadwing"], ["--policies", "."]],
    ids=["unknown gate", "no policy there"],
)
def test_a_run_that_makes_no_sense_could_not_run(
    tmp_path: Path, wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(tmp_path) if one == "." else one for one in wrong]
    assert main(["--reports", str(tmp_path / "reports"), *arguments]) == 2
    assert "COULD NOT RUN" in capsys.readouterr().err


def test_the_help_teaches_every_gate_and_the_exit_codes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    said = capsys.readouterr().out
    assert ended.value.code == 0
    assert all(gate.name in said for gate in all_gates())
    assert "2 could not run" in said


def own_project(root: Path) -> Path:
    """Make a tree that counts as the own project, with a policy for one demonstration gate."""
    project = make_project(root / "own")
    for name, text in {
        "checks/execute.py": "",
        "policies/release.toml": RULE_TABLE,
        "policies/waivers.toml": "schema = 1\n",
        "policies/frameworks.toml": "",
    }.items():
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text(text)
    return project


def commit_all(project: Path) -> None:
    """Only a clean commit is attested."""
    me = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    (project / ".gitignore").write_text("__pycache__/\ndist/\nPKG-INFO\n")
    for command in (("init", "-q"), ("add", "-A"), (*me, "commit", "-qm", "All")):
        subprocess.run(["git", "-C", str(project), *command], check=True)


def test_a_strict_pass_is_attestable_and_names_both_files(tmp_path: Path) -> None:
    project = own_project(tmp_path)
    commit_all(project)

    def build_and_pass(context: Context) -> GateOutput:
        context.artifacts()
        return gate_output()

    options = parse(
        [
            *("--project", str(project), "--policies", str(project / "policies")),
            *("--mode", "strict", "--reports", str(tmp_path / "reports")),
        ]
    )
    outcome = execute(make_plan(options, [DemoGate(build_and_pass)]), Heard())
    assert (outcome.verdict, outcome.mode) == (Status.PASSED, Mode.STRICT)
    assert outcome.attestable
    assert outcome.subject.wheel is not None


def test_an_unused_waiver_fails_the_run(tmp_path: Path) -> None:
    project = own_project(tmp_path)
    (project / "policies/waivers.toml").write_text(
        'schema = 1\n[[waiver]]\nrule = "demo.rule"\nfingerprint = "' + "a" * 64 + '"\n'
        'owner = "ada"\napprover = "grace"\nreason = "r"\ncompensating_control = "c"\n'
        "created = 2020-01-01\nexpires = 2999-01-01\n"
    )
    options = parse(
        [
            *("--project", str(project), "--policies", str(project / "policies")),
            *("--reports", str(tmp_path / "reports"), "--fresh"),
        ]
    )
    plan = make_plan(options, [DemoGate(lambda _: gate_output())])
    outcome = execute(plan, Heard())
    assert outcome.verdict is Status.FAILED
    assert "unused" in outcome.problems[0]


def test_a_project_that_changes_under_the_check_fails_it(tmp_path: Path) -> None:
    project = own_project(tmp_path)

    def change(_: Context) -> GateOutput:
        (project / "src/parcel/__init__.py").write_text("changed = True\n")
        return gate_output()

    options = parse(
        [
            *("--project", str(project), "--policies", str(project / "policies")),
            *("--reports", str(tmp_path / "reports"), "--fresh"),
        ]
    )
    outcome = execute(make_plan(options, [DemoGate(change)]), Heard())
    assert outcome.verdict is Status.FAILED
    assert "changed while it was checked" in outcome.problems[0]


def test_a_project_without_anything_could_not_run(tmp_path: Path) -> None:
    options = parse(["--project", str(tmp_path)])
    with pytest.raises(CouldNotRun):
        make_plan(options)
