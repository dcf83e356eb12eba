"""False alarms: what was judged is held against what is measured, and the page says the same."""

from __future__ import annotations

import io
import tomllib
from argparse import Namespace
from typing import TYPE_CHECKING

import pytest
from checks_support import ROOT
from rich.console import Console

from checks.alarms.judged import Figures, disagreements, figures, load_judged, unjudged
from checks.alarms.measure import Measured, lines_of_code
from checks.alarms.page import render_page
from checks.commands import alarms
from checks.lock import read_lock
from checks.model import Finding, Location
from checks.policyfile import PolicyError

if TYPE_CHECKING:
    from pathlib import Path

HEAD = 'schema = 1\nmost = 1.0\n[[project]]\nname = "parcel"\nversion = "1"\nlines = 20000\n'
HIT = """\
[[hit]]
project = "parcel"
rule = "static.x"
path = "parcel/a.py"
function = "f"
evidence = "except:"
verdict = "true"
why = "it is"
"""
SAME = Finding("static.x", "said", Location("parcel/a.py", 3), "except:", "f")
OTHER = Finding("static.x", "said", Location("parcel/b.py", 3), "except:", "f")


def judge(folder: Path, text: str) -> Path:
    (folder / "wellkept.toml").write_text(text)
    return folder / "wellkept.toml"


def measured(*findings: Finding, lines: int = 20_000) -> list[Measured]:
    return [Measured("parcel", "1", lines, findings)]


def test_the_page_and_the_lock_say_what_was_judged() -> None:
    judged = load_judged(ROOT / "policies/wellkept.toml")
    assert (ROOT / "docs/false-alarms.md").read_text("utf-8") == render_page(judged)
    locked = read_lock(ROOT / "policies/lock/wellkept.txt")
    assert {one.name: one.version for one in judged.project} == locked
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["dependency-groups"]
    assert sorted(groups["wellkept"]) == sorted(locked)
    assert figures(judged).share <= judged.most


def test_every_lock_is_refreshed_by_the_one_script() -> None:
    script = (ROOT / "scripts/lock").read_text("utf-8")
    for lock in (ROOT / "policies/lock").iterdir():
        assert f"-o policies/lock/{lock.name}\n" in script


def test_judgements_that_fit_what_is_found_agree(tmp_path: Path) -> None:
    judged = load_judged(judge(tmp_path, HEAD + HIT))
    assert disagreements(judged, measured(SAME)) == []
    assert unjudged(judged, measured(SAME)) == []
    assert unjudged(judged, measured(SAME, OTHER)) == [("parcel", OTHER)]


def test_a_judgement_without_its_hit_and_other_lines_are_told(tmp_path: Path) -> None:
    judged = load_judged(judge(tmp_path, HEAD + HIT))
    lost, = disagreements(judged, measured())  # fmt: skip
    assert "nothing is there to be judged" in lost
    (longer,) = disagreements(judged, measured(SAME, lines=7))
    assert "measured ('1', 7)" in longer
    assert len(disagreements(judged, [])) == 2


def test_too_many_false_alarms_are_told(tmp_path: Path) -> None:
    text = HIT.replace('"true"', '"false alarm"')
    three = [text, text.replace("a.py", "b.py"), text.replace("a.py", "c.py")]
    judged = load_judged(judge(tmp_path, HEAD + "".join(three)))
    found = [Finding("static.x", "", Location(f"parcel/{n}.py"), "except:", "f") for n in "abc"]
    assert figures(judged) == Figures(20_000, 3, 3)
    (problem,) = disagreements(judged, measured(*found))
    assert problem == "1.50 false alarms in 10,000 lines; 1 are allowed"


@pytest.mark.parametrize(
    ("findings", "code", "said"),
    [((SAME,), 0, "0 false alarms in 20,000"), ((SAME, OTHER), 1, "NO: 1 hits are not judged")],
)
def test_the_command_fails_on_what_nobody_judged(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    findings: tuple[Finding, ...],
    code: int,
    said: str,
) -> None:
    judge(tmp_path, HEAD + HIT)
    (tmp_path / "lock").mkdir()
    (tmp_path / "lock/wellkept.txt").write_text(f"parcel==1 --hash=sha256:{'a' * 64}\n")
    monkeypatch.setattr(alarms, "fetch", lambda *_: {"parcel": tmp_path})
    monkeypatch.setattr(alarms, "measure", lambda *_: measured(*findings)[0])
    told = io.StringIO()
    given = Namespace(policies=tmp_path, docs=False)
    assert alarms.run(given, Console(file=told, width=160)) == code
    assert said in told.getvalue()
    assert ('path = "parcel/b.py"' in told.getvalue()) == bool(code)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "can't be read"),
        (HEAD.replace("schema = 1", "schema = 2") + HIT, "schema"),
        (HEAD + HIT.replace('"true"', '"perhaps"'), "verdict"),
        (HEAD + HIT.replace('"it is"', '" "'), "no reason"),
        (HEAD + HIT.replace('"parcel"', '"other"', 1), "no such project"),
        (HEAD + HIT + HIT, "twice"),
        (HEAD + HIT + "line = 3\n", "can't be read"),
        (HEAD.replace("20000", "0") + HIT, "without lines"),
    ],
)
def test_judgements_that_say_too_little_are_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(PolicyError, match=words):
        load_judged(judge(tmp_path, text))


def test_lines_of_code_are_those_on_which_code_begins() -> None:
    text = b'"""A long\n\ntext."""\n\n# a comment\n'
    source = text + b"x = [\n    1,\n\n    2,\n]\nif x:\n    y = 1  # so\n"
    assert lines_of_code(source) == 1 + 4 + 2
