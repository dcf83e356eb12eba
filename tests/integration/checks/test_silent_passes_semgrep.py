"""Ways in which semgrep passes without having looked, in the real tool; our gate fails or looks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from checks_support import ROOT, make_context, make_project

from checks.gates.static import StaticGate
from checks.manifest import Manifest
from checks.model import CouldNotRun, ToolRun
from checks.process import Completed
from checks.rules import semgrep
from checks.rules.semgrep import rules_of, scan

BAD = 'HOST = "0.0.0.0"'
RULE = """\
rules:
  - id: open-bind
    languages: [python]
    severity: ERROR
    message: open
    metadata: {rule: static.fixed-bind, remediation: close}
    pattern: '"0.0.0.0"'
"""
# Needs the fourth power of the file's length in steps, and is given a second.
SLOW = RULE.replace(
    "    pattern: '\"0.0.0.0\"'\n",
    "    pattern: |\n      $A = $B\n      ...\n      $C = $D\n      ...\n      $E = $B\n"
    "      ...\n      $G = $A\n",
)
LONG = "\n".join(f"a{n} = b{n}" for n in range(1_000))
HIDDEN = {
    "tests/test_a.py": BAD,
    "test/b.py": BAD,
    "build/c.py": BAD,
    "dist/d.py": BAD,
    "vendor/e.py": BAD,
    "ignored.py": BAD,
    "looked_away.py": BAD + "  # nosemgrep",
    "big.py": BAD + "\n" + "# filler\n" * 130_000,
    "broken.py": "def f(:\n",
}


# Starting semgrep costs four seconds, nearly all of them imports: they are done once, and each case
# is the tool's own command in a fork.
FORKS = """
import json, os, sys
from semgrep.cli import cli
codes = {}
for name, arguments in json.load(sys.stdin).items():
    if os.fork() == 0:
        for stream in (1, 2):
            os.dup2(os.open(f"{name}.{stream}", os.O_CREAT | os.O_WRONLY, 0o600), stream)
        sys.argv = ["semgrep", *arguments]
        cli(prog_name="semgrep")
    codes[name] = os.waitstatus_to_exitcode(os.wait()[1])
print(json.dumps(codes))
"""


class Run(NamedTuple):
    code: int
    stdout: str
    stderr: str

    @property
    def errors(self) -> str:
        return str(json.loads(self.stdout or '{"errors": []}')["errors"])


@pytest.fixture(scope="module")
def hidden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose package holds one bad line in each place that semgrep skips."""
    root = make_project(tmp_path_factory.mktemp("hidden") / "project")
    subprocess.run(["git", "init", "-q", "."], cwd=root, check=True)
    (root / ".gitignore").write_text("ignored.py\n")
    for name, text in HIDDEN.items():
        file = root / "src/parcel" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text + "\n")
    return root


@pytest.fixture(scope="module")
def ways(tmp_path_factory: pytest.TempPathFactory, hidden: Path) -> dict[str, Run]:
    """What the tool itself says in each case."""
    folder = tmp_path_factory.mktemp("ways")
    for name, text in {"rule": RULE, "slow": SLOW, "none": "rules: []\n"}.items():
        (folder / f"{name}.yml").write_text(text)
    for name, text in {"bad": BAD + "\n", "slow": LONG}.items():
        (folder / name).mkdir()
        (folder / name / "a.py").write_text(text)
    (folder / "empty").mkdir()
    usual = ["scan", "--quiet", "--json", "--metrics=off", "--disable-version-check", "--jobs=1"]
    return tool(
        folder,
        {
            "no --error": [*usual, "--config=rule.yml", "bad"],
            "empty": [*usual, "--error", "--strict", "--config=rule.yml", "empty"],
            "no rules": [*usual, "--error", "--strict", "--config=none.yml", "bad"],
            "hidden": [*usual, "--error", "--strict", "--config=rule.yml", str(hidden)],
            "slow": [*usual, "--error", "--timeout=1", "--config=slow.yml", "slow"],
            "ours": [*semgrep._FLAGS, "--timeout=1", "--config=slow.yml", "slow/a.py"],
        },
    )


def tool(folder: Path, cases: dict[str, list[str]]) -> dict[str, Run]:
    settings = {"SEMGREP_SETTINGS_FILE": str(folder / "settings.yml"), "HOME": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", FORKS],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", **settings},
        input=json.dumps(cases).encode(),
        capture_output=True,
        check=True,
    )
    codes: dict[str, int] = json.loads(done.stdout)
    said = {name: [(folder / f"{name}.{one}").read_text() for one in (1, 2)] for name in cases}
    return {name: Run(codes[name], *said[name]) for name in cases}


def test_the_tool_passes_in_each_of_these_ways(ways: dict[str, Run]) -> None:
    passed = {name: run.code for name, run in ways.items() if name != "ours"}
    assert passed == dict.fromkeys(passed, 0)
    assert ways["hidden"].errors == "[]"
    assert "Timeout" in ways["slow"].errors


def test_the_gate_looks_where_the_tool_does_not(hidden: Path, tmp_path: Path) -> None:
    output = StaticGate().check(make_context(hidden, tmp_path / "work", own=False))
    assert not any(scope.missed for scope in output.scopes)
    found = {
        (one.rule, one.location.path.removeprefix("src/parcel/"))
        for one in output.findings
        if one.location
    }
    assert found == {
        ("static.syntax-error" if name == "broken.py" else "static.fixed-bind", name)
        for name in HIDDEN
    }


def test_nothing_to_look_at_is_no_answer(tmp_path: Path) -> None:
    nothing = Manifest("parcel", "1", (), (), frozenset(), frozenset(), frozenset(), None, {})
    with pytest.raises(CouldNotRun, match="no code"):
        StaticGate().check(make_context(tmp_path, tmp_path / "work", manifest=nothing))


def test_no_rules_or_others_are_no_answer(tmp_path: Path) -> None:
    empty = tmp_path / "none.yml"
    empty.write_text("rules: []\n")
    with pytest.raises(CouldNotRun, match="no rules"):
        rules_of([empty])
    (tmp_path / "policies/semgrep").mkdir(parents=True)
    (tmp_path / "policies/semgrep/rule.yml").write_text(RULE)
    context = make_context(make_project(tmp_path / "project"), tmp_path / "work")
    fewer = type(context)(
        **{
            **{name: getattr(context, name) for name in context.__dataclass_fields__},
            "policies": tmp_path / "policies",
        }
    )
    with pytest.raises(CouldNotRun, match="policies/semgrep and the gate differ"):
        StaticGate().check(fewer)


def test_a_rule_that_ran_out_of_time_is_no_answer(
    ways: dict[str, Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("slow", "ours"):
        code, stdout, stderr = ways[name]
        completed = Completed(stdout, stderr, ToolRun("semgrep", "1", (), code, 0.0))
        monkeypatch.setattr(semgrep, "run_tool", lambda *_, _said=completed, **__: _said)
        with pytest.raises(CouldNotRun, match=r"semgrep (exited|was not sure).*imeout"):
            scan(tmp_path, ["a.py"], [], settings=tmp_path / "settings.yml")


def test_each_rule_file_of_the_house_has_rules() -> None:
    assert rules_of(sorted((ROOT / "policies/semgrep").glob("*.yml")))
