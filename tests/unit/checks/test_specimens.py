from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from checks.model import CouldNotRun
from checks.specimens import digest, discover, require_pairs

if TYPE_CHECKING:
    from pathlib import Path


def specimen(policies: Path, name: str, text: str = "") -> Path:
    path = policies / "specimens" / "demo" / "rule" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_specimens_are_found_with_their_rule_and_kind(tmp_path: Path) -> None:
    specimen(tmp_path, "bad_a.py", "x")
    specimen(tmp_path, "good_a.py", "y")
    bad, good = discover(tmp_path, "demo")
    assert (bad.rule, bad.should_fire, good.should_fire) == ("demo.rule", True, False)
    assert bad.name == "specimens/demo/rule/bad_a.py"
    assert not bad.outcome(fired=False).ok
    assert good.outcome(fired=False).ok


def test_no_specimens_and_unclear_names_could_not_run(tmp_path: Path) -> None:
    with pytest.raises(CouldNotRun, match="no specimens"):
        discover(tmp_path, "demo")
    specimen(tmp_path, "example.py")
    with pytest.raises(CouldNotRun, match="neither"):
        discover(tmp_path, "demo")


def test_a_pair_is_one_bad_and_one_good(tmp_path: Path) -> None:
    specimen(tmp_path, "bad_a.py")
    (bad,) = discover(tmp_path, "demo")
    assert require_pairs(["demo.rule"], [bad.outcome(fired=True)]) == [
        "rule demo.rule has no good specimen"
    ]


def test_a_folders_digest_changes_with_names_and_contents(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one").write_text("1")
    first = digest(tmp_path / "a")
    (tmp_path / "a" / "one").rename(tmp_path / "a" / "two")
    assert digest(tmp_path / "a") != first
