"""A policy holds as a whole or not at all, and every problem is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.payload_rules import HEAD, policy_file

from arqonbus.casil.document import PolicyProblem
from arqonbus.casil.policy import VERSION_CHARS, load

RULE = '[[rule]]\nid = "r"\ndeny = ["x"]\n'


def problems(folder: Path, rules: str, head: str = HEAD) -> str:
    with pytest.raises(PolicyProblem) as raised:
        load(policy_file(folder, rules, head))
    return "\n".join(raised.value.problems)


def test_all_problems_at_once_and_no_value(tmp_path: Path) -> None:
    said = problems(
        tmp_path,
        '[[rule]]\nid = "A!"\ndetect = ["secretz"]\nshape = 1\npatterns = ["ok", "a*"]\n'
        '[[rule]]\nid = "casil.mine"\ndeny = ["hush"]\naction = "drop"\n'
        '[[rule]]\nid = "empty"\n',
        'schema = 2\nmode = "watch"\nmax_bytes = 1\n',
    )
    for words in (
        "schema: ",
        "mode: ",
        "max_bytes: ",
        "rule 1, id: ",
        "rule 1, detect 1: unknown detector; the nearest known one is secrets",
        "rule 1, shape: unknown key",
        "rule 1, patterns 2: matches the empty text",
        "rule 2, id: ids that begin with casil.",
        "rule 2, action: ",
        "rule 3: looks for nothing",
    ):
        assert words in said
    assert "hush" not in said


@pytest.mark.parametrize("content", [b"\xff", b"= 1", b"[" * 100_000])
def test_files_that_are_no_policy(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "rules.toml"
    file.write_bytes(content)
    with pytest.raises(PolicyProblem):
        load(file)


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(PolicyProblem, match="cannot be read"):
        load(tmp_path / "absent.toml")


def test_an_id_names_one_rule(tmp_path: Path) -> None:
    said = problems(tmp_path, RULE + '[[json_schema]]\nid = "r"\nschema = { type = "object" }\n')
    assert said == "id r is given 2 times"


@pytest.mark.parametrize("pattern", ["redacted", r"\\[", "r[a-z]+"])
def test_a_rule_must_not_find_its_own_mark(tmp_path: Path, pattern: str) -> None:
    rule = f'[[rule]]\nid = "r"\npatterns = ["{pattern}"]\n'
    assert load(policy_file(tmp_path, rule)).ids == {"r"}
    assert "finds the mark" in problems(tmp_path, rule + 'action = "redact"\n')


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ("", "exactly one of file and schema"),
        ('file = "absent.json"', "cannot be read"),
        ('file = "bad.json"', "is no JSON"),
        ('file = "list.json"', "must be an object"),
        ('schema = { type = "strng" }', "no usable JSON Schema"),
        ('schema = { pattern = "(?=a)" }', "no usable JSON Schema"),
        ('schema = { "$ref" = "http://127.0.0.1:1/x" }', "no usable JSON Schema"),
        ('schema = { "$ref" = "file:///etc/passwd" }', "no usable JSON Schema"),
        ('schema = { "$ref" = "other.json" }', "no usable JSON Schema"),
        ('schema = { format = "no-such" }', "no usable JSON Schema"),
        ("schema = { const = 2020-01-01 }", "no usable JSON Schema"),
    ],
)
def test_schemas_that_are_refused(tmp_path: Path, table: str, why: str) -> None:
    (tmp_path / "bad.json").write_text("{")
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "other.json").write_text("{}")
    assert why in problems(tmp_path, f'[[json_schema]]\nid = "s"\n{table}\n')


def test_the_version_changes_with_every_file(tmp_path: Path) -> None:
    schema = tmp_path / "s.json"
    schema.write_text(json.dumps({"type": "object"}))
    file = policy_file(tmp_path, '[[json_schema]]\nid = "s"\nfile = "s.json"\n')
    first = load(file).version
    assert len(first) == VERSION_CHARS
    assert load(file).version == first
    schema.write_text(json.dumps({"type": "array"}))
    assert load(file).version != first
