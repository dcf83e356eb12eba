"""Decisions of one policy, one line each: who, what, where, with which claims, and which rule."""

from dataclasses import dataclass

import pytest
from unit.arqonbus.shield.access.asking import ask, policy

from arqonbus.model.action import Action
from arqonbus.model.principal import Principal
from arqonbus.shield.access.decide import RulePolicy

POLICY = """
[roles.member]
subjects = ["user-*", "alice", "bob"]
tenants = ["acme", "globex"]
[roles.ops]
subjects = ["*"]
claims = { department = "ops" }
[roles.root]
subjects = ["alice"]
tenants = ["acme"]
only_if_claimed = true
[roles.suspended]
subjects = ["mallory"]
[roles.maybe-suspended]
subjects = ["bob"]
only_if_claimed = true

[[rule]]
id = "members"
effect = "allow"
roles = ["member"]
actions = ["publish", "subscribe"]
rooms = ["lobby", "team-*"]
[[rule]]
id = "read-news"
effect = "allow"
subjects = ["*"]
actions = ["subscribe", "history"]
rooms = ["news"]
channels = ["public.*"]
[[rule]]
id = "inbox"
effect = "allow"
subjects = ["*"]
actions = ["subscribe", "history"]
rooms = ["users"]
channels = ["inbox.{subject}", "inbox.{subject}.*"]
[[rule]]
id = "tenant-room"
effect = "allow"
subjects = ["*"]
actions = ["publish"]
rooms = ["{tenant}-all"]
[[rule]]
id = "ops"
effect = "allow"
roles = ["ops"]
actions = ["create", "delete", "presence", "group"]
[[rule]]
id = "root"
effect = "allow"
roles = ["root"]
actions = ["*"]
[[rule]]
id = "talk"
effect = "allow"
subjects = ["alice", "bob", "mallory"]
actions = ["direct"]
[[rule]]
id = "beta"
effect = "allow"
subjects = ["alice"]
actions = ["publish"]
rooms = ["beta"]
claims = { beta = true, level = 3 }
[[rule]]
id = "mid-star"
effect = "allow"
subjects = ["dev*1"]
actions = ["publish"]
rooms = ["a*b*c"]
channels = ["*x*"]
[[rule]]
id = "globex-only"
effect = "allow"
subjects = ["carol"]
tenants = ["globex"]
actions = ["publish"]
[[rule]]
id = "no-secret"
effect = "deny"
subjects = ["*"]
actions = ["*"]
rooms = ["team-secret"]
[[rule]]
id = "no-suspended"
effect = "deny"
roles = ["suspended"]
actions = ["*"]
[[rule]]
id = "no-write-archive"
effect = "deny"
roles = ["maybe-suspended"]
actions = ["publish"]
channels = ["archive"]
"""
OPS = {"department": "ops"}
ROOT = {"roles": ["root"]}
BETA = {"beta": True, "level": 3}
NO = "(default)"
CUT = "(claims)"


def only(actions: object, **where: object) -> dict[str, object]:
    return {"access": [{"actions": actions, **where}]}


TWO = {"access": [{"actions": ["history"]}, {"actions": ["publish"]}]}
Row = tuple[str, str, str, object, str]
ALLOWED: list[Row] = [
    ("alice@acme", "publish", "lobby:talk", None, "members"),
    ("alice@acme", "subscribe", "lobby:talk", None, "members"),
    ("bob@globex", "publish", "lobby:x", None, "members"),
    ("user-1@acme", "publish", "team-red:x", None, "members"),
    ("user-@acme", "publish", "team-:x", None, "members"),
    ("user-1@acme", "publish", "team-red.sub:x", None, "members"),
    ("user-*@acme", "publish", "lobby:x", None, "members"),
    ("anyone", "subscribe", "news:public.a", None, "read-news"),
    ("anyone", "history", "news:public.a.b", None, "read-news"),
    ("anyone", "history", "news:public.", None, "read-news"),
    ("x", "subscribe", "users:inbox.x", None, "inbox"),
    ("x", "history", "users:inbox.x.y", None, "inbox"),
    ("x.y", "history", "users:inbox.x.y", None, "inbox"),
    ("X", "history", "users:inbox.X", None, "inbox"),
    ("x", "publish", "default-all:c", None, "tenant-room"),
    ("x@acme", "publish", "acme-all:c", None, "tenant-room"),
    ("x", "create", "any:where", OPS, "ops"),
    ("x", "delete", "any:where", {"department": ["dev", "ops"]}, "ops"),
    ("x", "presence", "any:where", OPS | {"roles": ["ops"]}, "ops"),
    ("x", "group", "any:where", OPS | {"roles": ["other", "ops"]}, "ops"),
    ("alice@acme", "admin", "", ROOT, "root"),
    ("alice@acme", "delete", "a:b", ROOT, "root"),
    ("alice@acme", "direct", "", ROOT, "root"),
    ("alice", "direct", "", None, "talk"),
    ("bob@elsewhere", "direct", "", None, "talk"),
    ("bob", "direct", "", {"roles": []}, "talk"),
    ("alice", "publish", "beta:x", BETA, "beta"),
    ("alice", "publish", "beta:x", {"beta": [True], "level": [1, 3]}, "beta"),
    ("dev1", "publish", "abc:x", None, "mid-star"),
    ("dev-11", "publish", "a.b.b.c:axa", None, "mid-star"),
    ("dev1", "publish", "abcbc:xx", None, "mid-star"),
    ("carol@globex", "publish", "any:where", None, "globex-only"),
    ("alice@acme", "publish", "lobby:talk", {"roles": ["member"]}, "members"),
    ("alice@acme", "publish", "lobby:t", only(["publish"]), "members"),
    ("alice@acme", "publish", "lobby:t", only(["*"]), "members"),
    ("alice@acme", "publish", "lobby:t", only(["*"], rooms=["lob*"], channels=["t"]), "members"),
    ("alice@acme", "publish", "lobby:alice", only(["*"], channels=["{subject}"]), "members"),
    ("bob", "direct", "", only(["direct"]), "talk"),
    ("bob", "direct", "", only(["*"]), "talk"),
    ("bob@acme", "publish", "lobby:live", None, "members"),
    ("bob@acme", "subscribe", "lobby:archive", None, "members"),
    ("alice@acme", "publish", "lobby:archive", None, "members"),
    ("alice@acme", "publish", "lobby:t", TWO, "members"),
]  # fmt: skip
DENIED: list[Row] = [
    ("nobody@acme", "publish", "lobby:talk", None, NO),
    ("Alice@acme", "publish", "lobby:talk", None, NO),
    ("alice ", "publish", "lobby:talk", None, NO),
    ("alice@initech", "publish", "lobby:talk", None, NO),
    ("alice", "publish", "lobby:talk", None, NO),
    ("alice@ACME", "publish", "lobby:talk", None, NO),
    ("user@acme", "publish", "lobby:talk", None, NO),
    ("xuser-1@acme", "publish", "lobby:talk", None, NO),
    ("alice@acme", "publish", "Lobby:talk", None, NO),
    ("alice@acme", "publish", "lobby2:talk", None, NO),
    ("alice@acme", "publish", "team:talk", None, NO),
    ("alice@acme", "publish", "xteam-red:talk", None, NO),
    ("alice@acme", "publish", "news:public.a", None, NO),
    ("alice@acme", "history", "lobby:talk", None, NO),
    ("alice@acme", "presence", "lobby:talk", None, NO),
    ("alice@acme", "create", "lobby:talk", None, NO),
    ("alice@acme", "delete", "lobby:talk", None, NO),
    ("alice@acme", "group", "lobby:talk", None, NO),
    ("alice@acme", "admin", "", None, NO),
    ("anyone", "publish", "news:public.a", None, NO),
    ("anyone", "subscribe", "news:private.a", None, NO),
    ("anyone", "subscribe", "news:public", None, NO),
    ("anyone", "subscribe", "news:publicXa", None, NO),
    ("anyone", "subscribe", "news:apublic.a", None, NO),
    ("x", "subscribe", "users:inbox.y", None, NO),
    ("x", "subscribe", "users:inbox.xy", None, NO),
    ("x", "subscribe", "users:inbox.", None, NO),
    ("*", "subscribe", "users:inbox.y", None, NO),
    ("x*", "subscribe", "users:inbox.xy", None, NO),
    ("{tenant}", "subscribe", "users:inbox.default", None, NO),
    ("{subject}", "subscribe", "users:inbox.x", None, NO),
    ("x|y", "subscribe", "users:inbox.x", None, NO),
    (".*", "subscribe", "users:inbox.xx", None, NO),
    ("x", "publish", "acme-all:c", None, NO),
    ("x@acme", "publish", "default-all:c", None, NO),
    ("x@acme", "subscribe", "acme-all:c", None, NO),
    ("x", "create", "any:where", None, NO),
    ("x", "create", "any:where", {"department": "dev"}, NO),
    ("x", "create", "any:where", {"department": "Ops"}, NO),
    ("x", "create", "any:where", {"department": "ops dev"}, NO),
    ("x", "create", "any:where", {"department": {"ops": 1}}, NO),
    ("x", "create", "any:where", {"department": ["dev"]}, NO),
    ("x", "create", "any:where", {"department": []}, NO),
    ("x", "create", "any:where", {"department": [["ops"]]}, NO),
    ("x", "create", "any:where", {"Department": "ops"}, NO),
    ("x", "create", "any:where", {"department": None}, NO),
    ("x", "create", "any:where", OPS | {"roles": []}, NO),
    ("x", "create", "any:where", OPS | {"roles": ["OPS"]}, NO),
    ("x", "create", "any:where", OPS | {"roles": ["op*"]}, NO),
    ("x", "create", "any:where", OPS | {"roles": ["*"]}, NO),
    ("x", "publish", "any:where", OPS, NO),
    ("alice@acme", "admin", "", {"roles": ["member"]}, NO),
    ("alice@globex", "admin", "", ROOT, NO),
    ("bob@acme", "admin", "", ROOT, NO),
    ("x", "admin", "", {"roles": ["root", "ops", "member"]}, NO),
    ("x", "direct", "", None, NO),
    ("alice", "publish", "beta:x", None, NO),
    ("alice", "publish", "beta:x", {"beta": True}, NO),
    ("alice", "publish", "beta:x", {"beta": 1, "level": 3}, NO),
    ("alice", "publish", "beta:x", {"beta": True, "level": "3"}, NO),
    ("alice", "publish", "beta:x", {"beta": True, "level": 3.0}, NO),
    ("alice", "publish", "beta:x", {"beta": "true", "level": 3}, NO),
    ("bob", "publish", "beta:x", BETA, NO),
    ("dev", "publish", "abc:x", None, NO),
    ("dev12", "publish", "abc:x", None, NO),
    ("dev1", "publish", "acb:x", None, NO),
    ("dev1", "publish", "ac:x", None, NO),
    ("dev1", "publish", "abc:y", None, NO),
    ("carol", "publish", "any:where", None, NO),
    ("carol@globex", "subscribe", "any:where", None, NO),
    ("alice@acme", "publish", "team-secret:x", None, "no-secret"),
    ("alice@acme", "delete", "team-secret:x", ROOT, "no-secret"),
    ("nobody", "history", "team-secret:x", None, "no-secret"),
    ("mallory", "direct", "", None, "no-suspended"),
    ("mallory", "direct", "", {"roles": []}, "no-suspended"),
    ("mallory", "admin", "", None, "no-suspended"),
    ("mallory", "subscribe", "news:public.a", None, "no-suspended"),
    ("mallory", "publish", "team-secret:x", None, "no-secret"),
    ("bob@acme", "publish", "lobby:archive", None, "no-write-archive"),
    ("bob@acme", "publish", "lobby:archive", {"roles": ["member"]}, "no-write-archive"),
    ("alice@acme", "publish", "lobby:talk", {"roles": []}, NO),
    ("alice@acme", "publish", "lobby:talk", {"roles": ["ops"]}, NO),
    ("alice@acme", "publish", "lobby:t", {"access": []}, CUT),
    ("alice@acme", "publish", "lobby:t", only(["subscribe"]), CUT),
    ("alice@acme", "publish", "lobby:t", only(["*"], rooms=["news"]), CUT),
    ("alice@acme", "publish", "lobby:t", only(["*"], channels=["x*"]), CUT),
    ("alice@acme", "publish", "other:t", only(["*"]), NO),
    ("alice@acme", "admin", "", ROOT | only(["*"], rooms=["lobby"]), CUT),
    ("bob", "direct", "", only(["direct"], channels=["a"]), CUT),
    ("alice@acme", "publish", "lobby:t", {"roles": "member"}, CUT),
    ("alice@acme", "publish", "lobby:t", {"roles": None}, CUT),
    ("alice@acme", "publish", "lobby:t", {"roles": ["member", 1]}, CUT),
    ("alice@acme", "publish", "lobby:t", {"roles": {"member": True}}, CUT),
    ("alice@acme", "publish", "lobby:t", {"access": None}, CUT),
    ("alice@acme", "publish", "lobby:t", {"access": "*"}, CUT),
    ("alice@acme", "publish", "lobby:t", {"access": ["publish"]}, CUT),
    ("alice@acme", "publish", "lobby:t", {"access": [{}]}, CUT),
    ("alice@acme", "publish", "lobby:t", {"access": {"actions": ["*"]}}, CUT),
    ("alice@acme", "publish", "lobby:t", only([]), CUT),
    ("alice@acme", "publish", "lobby:t", only("*"), CUT),
    ("alice@acme", "publish", "lobby:t", only(["fly"]), CUT),
    ("alice@acme", "publish", "lobby:t", only(["*"], rooms="*"), CUT),
    ("alice@acme", "publish", "lobby:t", only(["*"], rooms=[]), CUT),
    ("alice@acme", "publish", "lobby:t", only(["*"], rooms=["**"]), CUT),
    ("alice@acme", "publish", "lobby:t", only(["*"], room=["lobby"]), CUT),
    ("mallory", "direct", "", {"roles": 1}, CUT),
]  # fmt: skip


@dataclass(frozen=True)
class Case:
    who: str
    action: str
    address: str
    claims: object
    rule: str


@pytest.fixture(scope="module")
def rules() -> RulePolicy:
    return RulePolicy(policy(POLICY))


@pytest.mark.parametrize("case", [Case(*row) for row in ALLOWED], ids=str)
def test_allowed(rules: RulePolicy, case: Case) -> None:
    decision = ask(rules, case.who, case.action, case.address, case.claims)
    assert (decision.allowed, decision.rule) == (True, case.rule)
    assert decision.why == f"rule {case.rule} allows it"


@pytest.mark.parametrize("case", [Case(*row) for row in DENIED], ids=str)
def test_denied(rules: RulePolicy, case: Case) -> None:
    decision = ask(rules, case.who, case.action, case.address, case.claims)
    assert (decision.allowed, decision.rule) == (False, case.rule)
    assert decision.why


@pytest.mark.parametrize(
    ("action", "room", "channel"),
    [
        ("publish", "", ""),
        ("publish", "lobby", ""),
        ("publish", "", "talk"),
        ("admin", "lobby", "talk"),
        ("direct", "lobby", ""),
        ("direct", "", "talk"),
    ],
)
def test_an_address_where_none_belongs_and_none_where_one_does(
    action: str, room: str, channel: str
) -> None:
    everything = RulePolicy(
        policy('[[rule]]\nid="all"\neffect="allow"\nsubjects=["*"]\nactions=["*"]')
    )
    decision = everything.decide(Principal("x"), Action(action), room, channel)
    assert (decision.allowed, decision.rule) == (False, "(address)")


@pytest.mark.parametrize("principal", [Principal(""), Principal("x", "")])
def test_nobody_is_denied(principal: Principal) -> None:
    everything = RulePolicy(
        policy('[[rule]]\nid="all"\neffect="allow"\nsubjects=["*"]\nactions=["*"]')
    )
    assert everything.decide(principal, Action.ADMIN, "", "").rule == "(nobody)"


def test_the_first_allow_is_the_one_that_is_told() -> None:
    one = '[[rule]]\nid="{}"\neffect="allow"\nsubjects=["*"]\nactions=["*"]\n'
    rules = RulePolicy(policy(one.format("a") + one.format("b")))
    assert ask(rules, "x", "admin").rule == "a"
