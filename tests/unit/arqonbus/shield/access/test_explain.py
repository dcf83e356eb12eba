"""An explanation names every rule, and says what was decided."""

from unit.arqonbus.shield.access.asking import policy

from arqonbus.model.action import Action
from arqonbus.model.principal import Principal
from arqonbus.shield.access.decide import RulePolicy, Step

POLICY = """
[roles.member]
subjects = ["a*"]
[[rule]]
id = "one"
effect = "allow"
roles = ["member"]
actions = ["publish"]
rooms = ["x"]
channels = ["y"]
[[rule]]
id = "two"
effect = "deny"
subjects = ["*"]
tenants = ["other"]
actions = ["publish"]
claims = { bad = true }
"""
RULES = RulePolicy(policy(POLICY))


def steps(principal: Principal, action: Action, room: str, channel: str) -> list[str | None]:
    return [it.mismatch for it in RULES.explain(principal, action, room, channel).steps]


def test_every_reason_why_not() -> None:
    anna, bob = Principal("anna"), Principal("bob", "other", {"bad": True})
    here = (Action.PUBLISH, "x", "y")
    assert steps(anna, *here) == [None, "is not about the tenant"]
    assert steps(bob, *here) == ["names neither the subject nor a role it holds", None]
    assert steps(Principal("anna", "other"), *here) == [None, "asks for another claim 'bad'"]
    assert steps(anna, Action.HISTORY, "x", "y") == ["is not about the action"] * 2
    assert steps(anna, Action.PUBLISH, "z", "y")[0] == "is not about the room"
    assert steps(anna, Action.PUBLISH, "x", "z")[0] == "is not about the channel"


def test_the_one_that_decides() -> None:
    found = RULES.explain(Principal("anna"), Action.PUBLISH, "x", "y")
    assert found.roles == ("member",)
    assert found.steps == (
        Step("one", "allow", None, True),
        Step("two", "deny", "is not about the tenant", False),
    )
    both = RULES.explain(Principal("anna", "other", {"bad": True}), Action.PUBLISH, "x", "y")
    assert [it.decides for it in both.steps] == [False, True]
    assert not both.decision.allowed


def test_a_broken_token_needs_no_rules() -> None:
    found = RULES.explain(Principal("anna", claims={"roles": 1}), Action.PUBLISH, "x", "y")
    assert (found.steps, found.decision.rule) == ((), "(claims)")
