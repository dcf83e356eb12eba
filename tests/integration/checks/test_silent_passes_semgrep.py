"""Ways in which semgrep passes without having looked, in the real tool; our gate fails or looks."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest
from checks_support import ROOT, make_context, make_project

from checks.gates.static import StaticGate
from checks.manifest import Manifest
from checks.model import CouldNotRun
from checks.rules import semgrep
from checks.rules.semgrep import rules_of, scan

SEMGREP = Path(sys.executable).parent / "semgrep"
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


class Run(NamedTuple):
    code: int
    errors: list[str]


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
    """What the tool itself says in each case; all are tried at once, since each costs seconds."""
    folder = tmp_path_factory.mktemp("ways")
    for name, text in {"rule": RULE, "none": "rules: []\n"}.items():
        (folder / f"{name}.yml").write_text(text)
    (folder / "bad").mkdir()
    (folder / "bad/a.py").write_text(BAD + "\n")
    (folder / "empty").mkdir()
    cases = {
        "no --error": ["--config=rule.yml", "bad"],
        "empty": ["--error", "--strict", "--config=rule.yml", "empty"],
        "no rules": ["--error", "--strict", "--config=none.yml", "bad"],
        "hidden": ["--error", "--strict", "--config=rule.yml", str(hidden)],
    }
    with ThreadPoolExecutor(2) as pool:
        futures = {name: pool.submit(tool, folder, given) for name, given in cases.items()}
        return {name: future.result() for name, future in futures.items()}


def tool(folder: Path, given: list[str]) -> Run:
    quiet = ["scan", "--quiet", "--json", "--metrics=off", "--disable-version-check"]
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "SEMGREP_SETTINGS_FILE": str(folder / f"{abs(hash(tuple(given)))}.yml"),
    }
    done = subprocess.run(
        [str(SEMGREP), *quiet, *given],
        cwd=folder,
        env=environment,
        capture_output=True,
        check=False,
    )
    report = json.loads(done.stdout or b'{"errors": []}')
    return Run(done.returncode, [str(one["type"]) for one in report["errors"]])


def long_file() -> str:
    return "\n".join(f"a{n} = b{n}" for n in range(3_000))


def test_the_tool_passes_in_each_of_these_ways(ways: dict[str, Run]) -> None:
    assert {name: run.code for name, run in ways.items()} == dict.fromkeys(ways, 0)
    assert ways["hidden"].errors == []


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
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = [one for one in semgrep._FLAGS if not one.startswith("--timeout=")]
    monkeypatch.setattr(semgrep, "_FLAGS", (*flags, "--timeout=1"))
    (tmp_path / "slow.yml").write_text(SLOW)
    (tmp_path / "a.py").write_text(long_file())
    with pytest.raises(CouldNotRun, match=r"semgrep (exited|was not sure).*imeout"):
        scan(tmp_path, ["a.py"], [tmp_path / "slow.yml"], settings=tmp_path / "settings.yml")


def test_each_rule_file_of_the_house_has_rules() -> None:
    assert rules_of(sorted((ROOT / "policies/semgrep").glob("*.yml")))
