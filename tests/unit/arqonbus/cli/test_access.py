"""`arqonbus access`: what it says and how it ends."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from arqonbus.app.exits import Exit
from arqonbus.cli.main import main

SECRET = "kP4vX9sQ2mT7wZ1rB6nY3cL8dF5gH0jA"
DOCS = Path(__file__).parents[4] / "docs" / "access.md"
POLICY = """schema = 1
[roles.member]
subjects = ["alice"]
tenants = ["acme"]
[[rule]]
id = "members"
effect = "allow"
roles = ["member"]
actions = ["publish", "direct"]
claims = { team = "red" }
"""


def ran(*arguments: str, **environ: str) -> Result:
    return CliRunner().invoke(main, ["access", *arguments], env=environ)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "policy.toml"
    file.write_text(POLICY)
    return file


def explain(file: Path, *arguments: str) -> Result:
    return ran("explain", *arguments, "--policy", str(file))


def test_allowed(file: Path) -> None:
    ask = ("alice", "publish", "lobby:talk", "--tenant", "acme", "--claim", 'team="red"')
    result = explain(file, *ask)
    assert result.exit_code == Exit.OK
    assert result.stdout.splitlines() == [
        "allowed: publish lobby:talk by alice of tenant acme",
        "because rule members allows it",
        "roles held: member",
        "> members  allow  matches",
    ]


def test_denied_with_why_each_rule_does_not_match(file: Path) -> None:
    result = explain(file, "alice", "publish", "lobby:talk", "--tenant", "acme")
    assert result.exit_code == 1
    assert result.stdout.startswith("DENIED: publish lobby:talk by alice of tenant acme\n")
    assert "  members  allow  asks for another claim 'team'" in result.stdout


def test_the_roles_of_a_token_narrow(file: Path) -> None:
    ask = ("alice", "direct", "--tenant", "acme", "--claim", 'team="red"')
    assert explain(file, *ask).exit_code == 0
    assert explain(file, *ask, "--role", "member").exit_code == 0
    result = explain(file, *ask, "--role", "other")
    assert (result.exit_code, "roles held: none" in result.stdout) == (1, True)


def test_the_same_as_json(file: Path) -> None:
    result = explain(file, "bob", "publish", "lobby:talk", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {
        "subject": "bob",
        "tenant": "default",
        "action": "publish",
        "address": "lobby:talk",
        "allowed": False,
        "rule": "(default)",
        "why": "no rule allows it",
        "roles": [],
        "rules": [
            {
                "rule": "members",
                "effect": "allow",
                "matches": False,
                "mismatch": "names neither the subject nor a role it holds",
                "decides": False,
            }
        ],
    }


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (("x", "fly", "a:b"), "'fly' is not one of 'publish'"),
        (("x", "publish"), "give ROOM:CHANNEL"),
        (("x", "publish", "lobby"), "give ROOM:CHANNEL"),
        (("x", "publish", "a b:c"), "room: "),
        (("x", "publish", "a:*"), "channel: "),
        (("x", "publish", "_arqonbus:c"), "the bus' own"),
        (("x", "admin", "a:b"), "leave ROOM:CHANNEL out"),
        (("x", "admin", "--claim", "a"), "give NAME=JSON"),
        (("x", "admin", "--claim", "a=1", "--claim", "a=2"), "each name once"),
        (("x", "admin", "--role", "a", "--claim", "roles=[]"), "each name once"),
        (("x", "admin", "--claim", "a=b"), "is not JSON"),
    ],
)
def test_a_question_that_is_none(file: Path, ask: tuple[str, ...], said: str) -> None:
    result = explain(file, *ask)
    assert (result.exit_code, said in result.stderr) == (Exit.USAGE, True)


def test_the_configured_policy(file: Path) -> None:
    ask = ("explain", "alice", "direct", "--tenant", "acme", "--claim", 'team="red"')
    assert "rule members" in ran(*ask, ARQONBUS_ACCESS_POLICY_FILE=str(file)).stdout
    config = file.with_name("bus.toml")
    config.write_text(f'[access]\npolicy_file = "{file}"\n')
    assert "rule members" in ran(*ask, "--config", str(config)).stdout


def test_no_policy_is_configured() -> None:
    ask = ("explain", "alice", "publish", "lobby:talk")
    assert "because there is neither" in ran(*ask).stdout
    result = ran(*ask, ARQONBUS_AUTH_SECRET=SECRET)
    assert (result.exit_code, "sets access.policy_file" in result.stdout) == (1, True)


def test_a_broken_configuration_or_policy(tmp_path: Path) -> None:
    ask = ("explain", "alice", "admin")
    for environ in (
        {"ARQONBUS_ACCESS_POLICYFILE": "x"},
        {"ARQONBUS_ACCESS_POLICY_FILE": str(tmp_path / "absent")},
        {"ARQONBUS_ACCESS_OPERATOR_TENANT": "a/b"},
    ):
        result = ran(*ask, **environ)
        assert (result.exit_code, result.stdout) == (Exit.CONFIG, "")
        assert result.stderr.startswith("arqonbus: ")


def test_check_lists_every_problem(file: Path) -> None:
    assert ran("check", str(file)).stdout.startswith("sound: 1 rules, 1 roles, epoch ")
    file.write_text(POLICY.replace("publish", "fly").replace('["member"]', '["membr"]'))
    result = ran("check", str(file))
    assert (result.exit_code, result.stdout) == (Exit.CONFIG, "")
    assert len(result.stderr.splitlines()) == 3
    assert "'fly': no action" in result.stderr


def test_check_warns(file: Path) -> None:
    file.write_text("schema = 1\n")
    result = ran("check", str(file))
    assert (result.exit_code, "nobody can ever do anything" in result.stderr) == (0, True)


def test_the_policy_to_begin_with(tmp_path: Path) -> None:
    file = tmp_path / "new.toml"
    assert ran("init", str(file)).exit_code == Exit.OK
    result = ran("check", str(file))
    assert (result.exit_code, result.stderr) == (Exit.OK, "")
    assert file.read_text() in DOCS.read_text("utf-8")
    again = ran("init", str(file))
    assert (again.exit_code, "left as it is" in again.stderr) == (Exit.USAGE, True)
    nowhere = ran("init", str(tmp_path / "absent" / "new.toml"))
    assert (nowhere.exit_code, "cannot be written" in nowhere.stderr) == (Exit.IO, True)


@pytest.mark.parametrize(
    ("who", "tenant", "action", "code"),
    [
        ("anyone", "acme", ("publish", "a:b"), 0),
        ("anyone", "acme", ("direct",), 0),
        ("anyone", "acme", ("delete", "a:b"), 1),
        ("anyone", "acme", ("admin",), 1),
        ("admin@example.com", "example", ("admin",), 0),
        ("admin@example.com", "acme", ("admin",), 1),
        ("admin@example.com", "operators", ("admin",), 1),
        ("operator@example.com", "operators", ("admin",), 0),
        ("operator@example.com", "example", ("admin",), 1),
    ],
)
def test_what_it_allows(
    tmp_path: Path, who: str, tenant: str, action: tuple[str, ...], code: int
) -> None:
    file = tmp_path / "new.toml"
    ran("init", str(file))
    assert explain(file, who, *action, "--tenant", tenant).exit_code == code


def test_diff(file: Path) -> None:
    new = file.with_name("new.toml")
    new.write_text(POLICY.replace('"direct"]', '"direct", "admin"]'))
    result = ran("diff", str(file), str(new))
    assert result.exit_code == 1
    assert result.stdout == "rule members allows more than before: admin by role member\n"
    back = ran("diff", str(new), str(file))
    assert (back.exit_code, back.stdout) == (0, "nothing more is allowed than before\n")
    new.write_text("]")
    assert ran("diff", str(file), str(new)).exit_code == Exit.CONFIG
