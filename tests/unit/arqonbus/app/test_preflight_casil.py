"""Payload rules that must not start."""

from __future__ import annotations

from pathlib import Path

from support.payload_rules import policy_file

from arqonbus.app.preflight import problems
from arqonbus.config.model import Settings

RULE = '[[rule]]\nid = "r"\ndeny = ["x"]\n'


def found(folder: Path, file: Path, **settings: object) -> str:
    values = {"casil": {"policy_file": file}, "data_dir": folder, **settings}
    return "\n".join(problems(Settings.model_validate(values), {}))


def test_good_rules_may_start(tmp_path: Path) -> None:
    assert found(tmp_path, policy_file(tmp_path, RULE)) == ""


def test_every_problem_is_told_with_its_file(tmp_path: Path) -> None:
    said = found(tmp_path, policy_file(tmp_path, RULE + "shape = 1\ncolour = 2\n"))
    assert said.count("casil.policy_file: ") == 2
    assert "rules.toml: rule 1, shape" in said
    assert "cannot be read" in found(tmp_path, tmp_path / "absent.toml")


def test_production_shows_no_finds_in_logs(tmp_path: Path) -> None:
    file = policy_file(tmp_path, RULE + 'redact_in = ["transport"]\n')
    assert "rule r" not in found(tmp_path, file)
    assert 'rule r needs "logs" in redact_in' in found(tmp_path, file, profile="prod")
