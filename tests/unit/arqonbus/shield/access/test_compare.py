"""In which ways one policy allows more than another."""

import pytest
from unit.arqonbus.shield.access.asking import policy

from arqonbus.shield.access.compare import weakened

ROLE = '[roles.m]\nsubjects=["a*"]\ntenants=["t"]\nclaims={x=1}\nonly_if_claimed=true\n'
ALLOW = '[[rule]]\nid="yes"\neffect="allow"\nroles=["m"]\nactions=["publish"]\nrooms=["r*"]\n'
DENY = '[[rule]]\nid="no"\neffect="deny"\nsubjects=["a*"]\nactions=["publish"]\nrooms=["s*"]\n'
DENY_ROLE = '[[rule]]\nid="no"\neffect="deny"\nroles=["m"]\nactions=["publish"]\n'
BASE = ROLE + ALLOW + DENY


def more(old: str, new: str) -> tuple[str, ...]:
    return weakened(policy(old), policy(new))


@pytest.mark.parametrize(
    ("new", "said"),
    [
        (BASE.replace('["publish"]', '["publish", "history"]', 1), "more than before: history by"),
        (BASE.replace('["r*"]', '["r*", "q"]'), "rule yes allows more than before: publish"),
        (BASE.replace('"r*"', '"*"'), "rule yes allows more than before: publish by role m"),
        (BASE.replace('["a*"]', '["*"]', 1), "rule yes allows more than before: publish by role m"),
        (BASE.replace('tenants=["t"]\n', ""), "rule yes allows more"),
        (BASE.replace('"t"', '"t", "u"'), "rule yes allows more"),
        (BASE.replace("claims={x=1}\n", ""), "rule yes allows more"),
        (BASE.replace("x=1", "x=2"), "rule yes allows more"),
        (BASE.replace("x=1", "x=true"), "rule yes allows more"),
        (BASE.replace("only_if_claimed=true\n", ""), "rule yes allows more"),
        (BASE.replace('roles=["m"]', 'roles=["m"]\nsubjects=["b"]'), "publish by subjects b"),
        (BASE + ALLOW.replace("yes", "also").replace("r*", "*"), "rule also is new and allows"),
        (BASE.replace(DENY, ""), "rule no is gone and no longer denies: publish by subjects a*"),
        (BASE.replace('"s*"', '"s"'), "rule no denies less than before: publish by subjects a*"),
        (BASE.replace("deny", "allow"), "rule no is new and allows"),
        (BASE.replace('deny"\nsubjects=["a*"]', 'deny"\nsubjects=["ab*"]'), "rule no denies less"),
        (BASE + 'tenants=["t"]', "rule no denies less"),
        (BASE + "claims={y=1}", "rule no denies less"),
    ],
)
def test_weakened(new: str, said: str) -> None:
    assert said in "\n".join(more(BASE, new))


@pytest.mark.parametrize(
    "new",
    [
        BASE,
        "# a comment\n" + BASE,
        ROLE + DENY + ALLOW,
        BASE.replace("yes", "renamed"),
        BASE.replace('"r*"', '"ra*"'),
        BASE.replace('"a*"', '"ab*"', 1),
        BASE.replace('"s*"', '"*"'),
        BASE.replace("x=1", "x=1, y=2"),
        BASE + DENY.replace('"no"', '"too"'),
        ROLE + ALLOW.replace("rooms", 'tenants=["t"]\nrooms') + DENY,
        DENY,
    ],
)
def test_not_weakened(new: str) -> None:
    assert more(BASE, new) == ()


def test_two_rules_become_one_and_back() -> None:
    one = ROLE + ALLOW.replace('["publish"]', '["publish", "history"]')
    two = ROLE + ALLOW + ALLOW.replace("yes", "too").replace("publish", "history")
    assert more(two, one) == more(one, two) == ()


def test_a_role_that_denies_less() -> None:
    old = ROLE + DENY_ROLE
    assert more(old, old.replace('"a*"', '"ab*"')) == (
        "rule no denies less than before: publish by role m",
    )
    # No claim of a token frees from a deny, so these are the same.
    assert more(old, old.replace("only_if_claimed=true\n", "")) == ()
    assert more(old.replace("only_if_claimed=true\n", ""), old) == ()


def test_all_actions_in_a_room_are_none_of_those_without_a_channel() -> None:
    rule = '[[rule]]\nid="r"\neffect="allow"\nsubjects=["a"]\n'
    old = rule + 'actions=["publish","subscribe","history","presence","create","delete","group"]'
    assert more(old, rule + 'actions=["*"]\nrooms=["lobby"]') == ()


def test_another_role_with_the_same_members_is_named() -> None:
    assert more(BASE, BASE.replace("roles.m", "roles.n").replace('["m"]', '["n"]')) != ()


def test_a_role_within_subjects_that_were_allowed() -> None:
    old = ALLOW.replace('roles=["m"]', 'subjects=["a*"]')
    assert more(old, ROLE + ALLOW) == ()


def test_many_names_are_told_in_short() -> None:
    names = ", ".join(f'"s{n}"' for n in range(20))
    new = ALLOW.replace('roles=["m"]', f"subjects=[{names}]")
    assert more("", new) == (
        "rule yes is new and allows: publish by subjects s0, s1, s2, s3, s4 and 15 more",
    )
