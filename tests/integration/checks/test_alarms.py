"""The command `alarms` over a small package: what nobody has judged fails it, and is drafted."""

from __future__ import annotations

import io
import shutil
from argparse import Namespace
from typing import TYPE_CHECKING

from checks_support import ROOT
from rich.console import Console

from checks.commands import alarms

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

CODE = """\
def read(queue):
    try:
        return queue.get()
    except Exception:
        return None  # TODO: a rule of this house alone
"""
JUDGED = (
    'schema = 1\nmost = 1.0\nhit = []\n[[project]]\nname = "parcel"\nversion = "1"\nlines = 5\n'
)


def test_a_hit_that_nobody_judged_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = tmp_path / "parcel"
    (sources / "parcel").mkdir(parents=True)
    (sources / "parcel" / "a.py").write_text(CODE)
    policies = tmp_path / "policies"
    shutil.copytree(ROOT / "policies/semgrep", policies / "semgrep")
    (policies / "lock").mkdir()
    (policies / "lock/wellkept.txt").write_text(f"parcel==1 --hash=sha256:{'a' * 64}\n")
    (policies / "wellkept.toml").write_text(JUDGED)
    monkeypatch.setattr(alarms, "fetch", lambda _lock, _cache: {"parcel": sources})
    said = io.StringIO()
    code = alarms.run(Namespace(policies=policies, docs=False), Console(file=said, width=160))
    text = said.getvalue()
    assert code == 1, text
    assert 'function = "read"' in text
    assert 'evidence = "except Exception:"' in text
    assert "NO: 1 hits are not judged" in text
    assert "todo-marker" not in text
