"""The composite action's own step, run as a runner would, with a release check that obeys."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from checks_support import ROOT

PLACE = ".github/actions/release-check"
OBEYS = """#!/bin/sh
printf '%s\\n' "$@" > said
if [ -n "$VERDICT" ]; then
    mkdir -p out
    printf '{"verdict": "%s"}' "$VERDICT" > out/report.json
    echo "so it is" > out/summary.md
fi
exit "$CODE"
"""


def act(folder: Path, verdict: str, code: int, **given: str) -> tuple[int, dict[str, str]]:
    """Run the step with its inputs and return the exit code and the outputs."""
    action = yaml.safe_load((ROOT / PLACE / "action.yml").read_text())
    step = action["runs"]["steps"][-1]
    inputs = {name: one["default"] for name, one in action["inputs"].items()} | given
    env = {name: str(value) for name, value in step["env"].items()}
    for name, value in inputs.items():
        env = {key: text.replace(f"${{{{ inputs.{name} }}}}", value) for key, text in env.items()}
    script = folder / "gates/scripts/release-check"
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(OBEYS)
    script.chmod(0o755)
    env |= {
        "PATH": os.environ["PATH"],
        "HERE": str(folder / "gates" / PLACE),
        "VERDICT": verdict,
        "CODE": str(code),
        "GITHUB_OUTPUT": str(folder / "outputs"),
        "GITHUB_STEP_SUMMARY": str(folder / "summary"),
    }
    (folder / "gates" / PLACE).mkdir(parents=True, exist_ok=True)
    (folder / "outputs").write_text("")
    shell = [str(shutil.which("bash")), "-e", "-c", step["run"]]
    done = subprocess.run(shell, cwd=folder, env=env, check=False, capture_output=True, text=True)
    outputs = dict(line.split("=", 1) for line in (folder / "outputs").read_text().splitlines())
    named = {name: one["value"] for name, one in action["outputs"].items()}
    assert named == {name: f"${{{{ steps.check.outputs.{name} }}}}" for name in outputs}
    return done.returncode, outputs


@pytest.mark.parametrize(("verdict", "code"), [("passed", 0), ("failed", 1)])
def test_the_verdict_and_the_report_are_told(tmp_path: Path, verdict: str, code: int) -> None:
    told = act(tmp_path, verdict, code, reports="out", mode="strict", only="static wheel")
    assert told == (code, {"verdict": verdict, "report": "out/report.json"})
    expected = "--project . --reports out --mode strict --only static wheel"
    assert (tmp_path / "said").read_text().split() == expected.split()
    assert (tmp_path / "summary").read_text() == "so it is\n"


def test_a_report_of_an_earlier_step_is_not_this_ones(tmp_path: Path) -> None:
    act(tmp_path, "passed", 0, reports="out")
    assert act(tmp_path, "", 2, reports="out") == (2, {"verdict": "could_not_run", "report": ""})
    assert (tmp_path / "said").read_text().split()[-2:] == ["--mode", "degraded"]
