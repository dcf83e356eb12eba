"""Policies that are wrong are refused with every reason, and no part of one is ever used."""

from pathlib import Path

import pytest
from unit.arqonbus.shield.access.asking import policy, problems

from arqonbus.shield.access.interface import AccessProblem
from arqonbus.shield.access.parse import MAX_BYTES, parse_policy, read_policy

RULE = '[[rule]]\nid = "r"\neffect = "allow"\nsubjects = ["*"]\nactions = ["publish"]\n'


def wrong(text: str) -> str:
    return problems(f"schema = 1\n{text}")


def test_a_sound_one_has_no_problem() -> None:
    assert wrong(RULE) == ""
    assert wrong("") == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (RULE, "schema: is missing"),
        ("schema = 2", "schema: this server knows 1 only"),
        ("schema = true", "schema: "),
        ('schema = "1"', "schema: "),
        ("schema = 1.0", "schema: "),
        ("schema = 1\nschema = 1", "is not valid TOML: "),
        ("schema = 1\n= 2", "line 2"),
        ("schema = 1\na = " + "[" * 5000, "is not valid TOML"),
        ("schema = " + "9" * 5000, "is not valid TOML"),
    ],
)
def test_what_is_no_policy(text: str, said: str) -> None:
    assert said in problems(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rules = []", "rules: unknown key; the nearest known one is 'rule'"),
        ("rule = 1", "rule: is no list"),
        ("rule = [1]", "rule number 1: is no table"),
        ("[rule]\nid = 'r'", "rule: is no list"),
        ("roles = 1", "roles: is no table"),
        ("[roles]\na = 1", "role 'a': is no table"),
        (RULE + 'channel = ["x"]', "rule 'r', channel: unknown key; the nearest known one is 'cha"),
        (RULE.replace("publish", "fly"), "rule 'r', actions: 'fly': no action; give publish"),
        (RULE.replace("publish", "Publish"), "'Publish': no action"),
        (RULE.replace('["publish"]', '"*"'), "rule 'r', actions: is a list"),
        (RULE.replace('["publish"]', "[]"), "rule 'r', actions: is a list of at least one"),
        (RULE.replace("publish", "publish', 'x"), "rule 'r', actions"),
        (RULE.replace("allow", "permit"), "rule 'r', effect: "),
        (RULE.replace('effect = "allow"', ""), "rule 'r', effect: is missing"),
        (RULE.replace('id = "r"', ""), "rule number 1, id: is missing"),
        (RULE.replace('id = "r"', 'id = "(default)"'), "id: 1-128 of"),
        (RULE.replace('id = "r"', "id = 1"), "rule number 1, id: "),
        (RULE.replace('subjects = ["*"]', ""), "rule 'r': names nobody"),
        (RULE.replace('"*"', ""), "rule 'r', subjects: is empty"),
        (RULE.replace('["*"]', '"*"'), "rule 'r', subjects: is no list"),
        (RULE.replace('"*"', "1"), "rule 'r', subjects.1: a pattern is a string"),
        (RULE + "roles = []", "rule 'r', roles: is empty"),
        (RULE + "rooms = []", "rule 'r', rooms: is empty"),
        (RULE + 'rooms = ["a", "b?"]', "rule 'r', rooms.2: 'b?' is no pattern"),
        (RULE + 'rooms = ["acme/lobby"]', "rule 'r', rooms.1: 'acme/lobby' is no pattern"),
        (RULE + 'tenants = ["{tenant}"]', "rule 'r', tenants.1: '{tenant}' is no pattern"),
        (RULE + "claims = {}", "rule 'r', claims: is a table with at least one claim"),
        (RULE + "claims = { a = 1.5 }", "rule 'r', claims: a: a claim is compared with"),
        (RULE + "claims = { a = ['x'] }", "rule 'r', claims: a: a claim is compared with"),
        (RULE + "claims = { roles = 'x' }", "rule 'r', claims: roles: is a claim that narrows"),
        (RULE + "claims = { access = 'x' }", "rule 'r', claims: access: is a claim that narrows"),
        (RULE + RULE, "rule 'r': 2 rules have this id"),
        (RULE + 'roles = ["member"]', "rule 'r': role 'member' is not defined"),
        ('[roles.a]\nsubjects = ["*"]', "role 'a': no rule names it"),
        ("[roles.a]", "role 'a', subjects: is missing"),
        ('[roles."a b"]\nsubjects = ["*"]', "role 'a b': 1-128 of"),
        ('[roles.a]\nsubjects = ["*"]\nonly_if_claimed = 1', "role 'a', only_if_claimed: "),
        ('[roles.a]\nsubject = ["*"]', "role 'a', subject: unknown key; the nearest known one is"),
    ],
)
def test_each_problem_with_its_place(text: str, said: str) -> None:
    assert said in wrong(text)


@pytest.mark.parametrize("action", ["direct", "admin"])
@pytest.mark.parametrize("where", ['rooms = ["lobby"]', 'channels = ["x"]'])
@pytest.mark.parametrize("effect", ["allow", "deny"])
def test_what_concerns_no_channel_beside_channels(action: str, where: str, effect: str) -> None:
    rule = RULE.replace("publish", action).replace("allow", effect)
    assert f"rule 'r': {action} concerns no channel" in wrong(rule + where)
    assert wrong(rule) == ""


def test_all_problems_at_once() -> None:
    text = wrong(
        RULE.replace("publish", "fly")
        + 'rooms = ["?"]\nroles = ["member"]\n'
        + '[[rule]]\nid = "r"\neffect = "no"\n[roles.unused]\nsubjects = []\n'
    )
    for said in (
        "'fly'",
        "rooms.1",
        "'member' is not defined",
        "2 rules have this id",
        "effect",
        "names nobody",
        "actions: is missing",
        "role 'unused', subjects: is empty",
        "role 'unused': no rule names it",
    ):
        assert said in text
    assert len(text.splitlines()) == 9


def test_too_much() -> None:
    assert "is larger than" in problems("schema = 1\n#" + "x" * MAX_BYTES)
    many = ", ".join('"a"' for _ in range(1001))
    assert "rooms: has more than 1000 items" in wrong(RULE + f"rooms = [{many}]")
    rules = "".join(RULE.replace('"r"', f'"r{n}"') for n in range(1001))
    assert wrong(rules) == "rule: has more than 1000 items"


def test_what_is_no_text() -> None:
    with pytest.raises(AccessProblem, match="not UTF-8"):
        parse_policy(b"schema = 1 # \xff")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("absent.toml", "cannot be read: No such file"),
        (".", "is not a file"),
        ("a\0b", "file name"),
    ],
)
def test_a_file_that_is_none(tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(AccessProblem, match=said):
        read_policy(tmp_path / name)


def test_each_problem_of_a_file_names_it(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text("a = 1\nb = 2\n")
    with pytest.raises(AccessProblem) as caught:
        read_policy(file)
    assert len(caught.value.problems) == 3
    assert all(it.startswith(f"{file}: ") for it in caught.value.problems)


def test_the_epoch_is_the_contents() -> None:
    assert policy(RULE).epoch == policy(RULE).epoch
    assert policy(RULE).epoch != policy(RULE + "# more").epoch
    assert len(policy(RULE).epoch) == 64


def test_it_can_not_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        policy(RULE).rules[0].effect = "deny"
