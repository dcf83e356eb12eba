"""scripts/release-check from another folder; in place of tox, one that tells what it got."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

from checks_support import ROOT

if TYPE_CHECKING:
    from pathlib import Path

TOOLS = "TOOLS=fake\nmake_tools() { :; }\n"
TOX = '#!/bin/sh\nfor argument in "$@"; do echo "$argument"; done\n'


def call(tmp_path: Path, *arguments: str) -> list[str]:
    """Call a copy of the script from the folder ``my home`` and return what tox is handed."""
    home = tmp_path / "gates"
    for name, text in {"scripts/lib/tools.sh": TOOLS, "fake/bin/tox": TOX}.items():
        (home / name).parent.mkdir(parents=True)
        (home / name).write_text(text)
    (home / "fake/bin/tox").chmod(0o755)
    shutil.copy2(ROOT / "scripts/release-check", home / "scripts")
    (tmp_path / "my home").mkdir()
    done = subprocess.run(
        ["../gates/scripts/release-check", *arguments],
        cwd=tmp_path / "my home",
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def test_paths_are_relative_to_where_it_is_called(tmp_path: Path) -> None:
    here = f"{tmp_path}/my home"
    given = ["--project", ".", "--reports=out", "--only", "static", "a b", "--advisories", "/x"]
    expected = ["--project", f"{here}/.", f"--reports={here}/out", *given[3:]]
    assert call(tmp_path, *given)[-len(expected) :] == expected
