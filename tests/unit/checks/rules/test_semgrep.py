"""semgrep's silence is believed only where it is earned."""

from __future__ import annotations

from pathlib import Path

import pytest

from checks.model import CouldNotRun
from checks.rules.semgrep import rule_files, rules_of, scan

RULE = """\
rules:
  - id: greeting
    languages: [python]
    severity: ERROR
    message: a greeting
    metadata: {rule: static.greeting, remediation: be silent}
    pattern: print("hello")
"""


def config(folder: Path, text: str = RULE) -> Path:
    (folder / "rules").mkdir(exist_ok=True)
    (folder / "rules" / "greeting.yml").write_text(text, "utf-8")
    return folder / "rules" / "greeting.yml"


def test_no_rules_are_no_answer(tmp_path: Path) -> None:
    with pytest.raises(CouldNotRun, match="no rules"):
        rule_files(tmp_path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("rules: []", "no rules"),
        ("[]", "no file of rules"),
        ("rules: [1]", "no file of rules"),
        (RULE + "    paths: {exclude: [src]}\n", "looks away"),
        (RULE.replace("remediation", "advice"), "no remediation"),
    ],
)
def test_rules_that_say_too_little_are_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(CouldNotRun, match=words):
        rules_of([config(tmp_path, text)])


def test_what_semgrep_likes_to_skip_is_scanned(tmp_path: Path) -> None:
    rules = config(tmp_path)
    (tmp_path / ".gitignore").write_text("*.py\n", "utf-8")
    (tmp_path / ".semgrepignore").write_text("*.py\n", "utf-8")
    paths = ["tests/test_a.py", "vendor/b.py", "build/c.py", "big.py"]
    for path in paths:
        file = tmp_path / path
        file.parent.mkdir(exist_ok=True)
        filler = "# filler\n" * 130_000 if path == "big.py" else ""
        file.write_text(f'print("hello")  # nosemgrep\n{filler}', "utf-8")
    done = scan(tmp_path, paths, [rules], settings=tmp_path / "settings.yml")
    assert done.scanned == set(paths)
    assert {(one.rule, one.path, one.line) for one in done.matches} == {
        ("static.greeting", path, 1) for path in paths
    }


def test_a_rule_that_semgrep_can_not_read_is_no_answer(tmp_path: Path) -> None:
    rules = config(tmp_path, RULE.replace('print("hello")', "print((("))
    (tmp_path / "a.py").write_text("x = 1\n", "utf-8")
    with pytest.raises(CouldNotRun):
        scan(tmp_path, ["a.py"], [rules], settings=tmp_path / "settings.yml")
