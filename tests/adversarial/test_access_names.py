"""Tokens whose names and claims are made to widen a policy, or to wear it out."""

import pytest
from unit.arqonbus.shield.access.asking import policy

from arqonbus.model.action import Action
from arqonbus.model.principal import Principal
from arqonbus.shield.access.decide import RulePolicy

OWN = RulePolicy(
    policy(
        """
[[rule]]
id = "own"
effect = "allow"
subjects = ["*"]
actions = ["subscribe"]
rooms = ["{tenant}"]
channels = ["inbox.{subject}"]
[[rule]]
id = "star"
effect = "allow"
subjects = ["a*a*a*a*a*a*a*a*a*a*a*a*b"]
actions = ["publish"]
rooms = ["a*a*a*a*a*a*a*a*a*a*a*a*b"]
"""
    )
)
VICTIM = ("acme", "inbox.alice")
WIDENING = [
    "*",
    "a*",
    "alic*",
    "?",
    "alic?",
    "[a]lice",
    ".*",
    "a.*",
    "alice|",
    "|alice",
    "(alice)",
    "^alice$",
    "{subject}",
    "{tenant}",
    "{0}",
    "%s",
    "$1",
    "\\w+",
    "\x01",
    "\x02",
    "\x03",
    "\x00",
    "alice\x00",
    "alice\n",
    "\nalice",
    "ALICE",
    "Alice",
    "\u0430lice",
    "alice\u200b",
    "\uff41lice",
    "alice ",
    " alice",
    "alice/",
    "../alice",
    "alice*",
    "",
    "a" * 4096,
    "\ud800",
]


@pytest.mark.parametrize("subject", WIDENING, ids=ascii)
def test_no_subject_reads_what_another_one_owns(subject: str) -> None:
    assert not OWN.decide(Principal(subject, "acme"), Action.SUBSCRIBE, *VICTIM).allowed


@pytest.mark.parametrize("tenant", [it.replace("alice", "acme") for it in WIDENING], ids=ascii)
def test_no_tenant_reads_what_another_one_owns(tenant: str) -> None:
    assert not OWN.decide(Principal("alice", tenant), Action.SUBSCRIBE, *VICTIM).allowed


def test_the_owner_does() -> None:
    assert OWN.decide(Principal("alice", "acme"), Action.SUBSCRIBE, *VICTIM).allowed


def test_stars_cost_no_more_than_the_name_is_long() -> None:
    # A backtracking matcher would not come back from these.
    subject, room = "a" * 256, "a" * 128
    assert not OWN.decide(Principal(subject), Action.PUBLISH, room, "c").allowed
    assert OWN.decide(Principal(subject + "b"), Action.PUBLISH, room + "b", "c").allowed


HOSTILE: list[object] = [
    None,
    True,
    0,
    1.5,
    float("nan"),
    "",
    "*",
    "own",
    {},
    {"actions": ["*"]},
    [None],
    [[]],
    [1],
    [True],
    [{}],
    [{"actions": "*"}],
    [{"actions": ["*", None]}],
    [{"actions": ["*"], "rooms": None}],
    [{"actions": ["*"], "rooms": ["*"], "effect": "allow"}],
    [{"actions": ["*"], "subjects": ["*"]}],
    [{"actions": ["*"], "channels": ["{room}"]}],
    [{"actions": ["*"]}, {"actions": ["x"]}],
    [{"actions": ["*"]}] * 1001,
]


@pytest.mark.parametrize("claim", ["access", "roles"])
@pytest.mark.parametrize("value", HOSTILE, ids=lambda it: ascii(it)[:40])
def test_a_malformed_claim_lets_nothing_through(claim: str, value: object) -> None:
    owner = Principal("alice", "acme", {claim: value})
    decision = OWN.decide(owner, Action.SUBSCRIBE, *VICTIM)
    assert (decision.allowed, decision.rule) == (False, "(claims)")


def test_a_refusal_holds_nothing_of_the_token() -> None:
    owner = Principal("alice", "acme", {"access": [{"sesame": "open-sesame"}]})
    assert "sesame" not in OWN.decide(owner, Action.SUBSCRIBE, *VICTIM).why
