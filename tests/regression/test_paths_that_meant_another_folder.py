"""scripts/release-check goes to its own root first: paths still mean the caller's folder."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts/release-check"
# In place of the environment that takes a minute: a tox that only says what it was given.
TOOLS = """\
TOOLS=tools
make_tools() {
    mkdir -p tools/bin
    printf '#!/bin/sh\nshift 4\nprintf "%%s\\n" "$@"\n' > tools/bin/tox
    chmod +x tools/bin/tox
}
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    copy = tmp_path / "gates/scripts/release-check"
    (copy.parent / "lib").mkdir(parents=True)
    shutil.copy(SCRIPT, copy)
    (copy.parent / "lib/tools.sh").write_text(TOOLS)
    return copy


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (["--project", "."], ["--project", "{here}/."]),
        (["--project=a b"], ["--project={here}/a b"]),
        (["--project", "/abs"], ["--project", "/abs"]),
        (["--reports=/abs"], ["--reports=/abs"]),
        (["--advisories", "x.zip", "--fresh"], ["--advisories", "{here}/x.zip", "--fresh"]),
        (["--only", "static", "wheel"], ["--only", "static", "wheel"]),
        (
            ["--policies", "p", "--reports", "r"],
            ["--policies", "{here}/p", "--reports", "{here}/r"],
        ),
        ([], []),
    ],
)
def test_paths_are_relative_to_the_caller(
    script: Path, tmp_path: Path, given: list[str], meant: list[str]
) -> None:
    here = tmp_path / "caller"
    here.mkdir()
    (here / "static").mkdir()  # a folder that is called like a gate is no path here
    done = subprocess.run([script, *given], cwd=here, capture_output=True, text=True, check=True)
    said = done.stdout.splitlines()
    assert [one for one in said if one] == [one.format(here=here) for one in meant]
