"""What must hold of every policy, whatever it says."""

import json
from itertools import product
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from unit.arqonbus.shield.access.asking import policy

from arqonbus.model.action import Action
from arqonbus.model.principal import Principal
from arqonbus.shield.access.compare import weakened
from arqonbus.shield.access.decide import RulePolicy

ACTIONS = ("publish", "history", "admin")
PATTERNS = st.sampled_from(["*", "a", "a*", "*b", "ab", "{subject}", "{subject}*", "{tenant}"])
PLAIN = st.sampled_from(["*", "a", "a*", "*b", "ab"])
ROLES = ("r1", "r2")
CONDITIONS = st.sampled_from([None, {"x": 1}, {"x": True}, {"x": 1, "y": "a"}])


def some(values: st.SearchStrategy[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(values, min_size=1, max_size=2)


Rule = dict[str, object]
ROLE: st.SearchStrategy[Rule] = st.fixed_dictionaries(
    {
        "subjects": some(PLAIN),
        "tenants": some(PLAIN),
        "claims": CONDITIONS,
        "only_if_claimed": st.booleans(),
    }
)
WHO: st.SearchStrategy[Rule] = st.one_of(
    st.fixed_dictionaries({"subjects": some(PLAIN)}),
    st.fixed_dictionaries({"roles": some(st.sampled_from(ROLES))}),
    st.fixed_dictionaries({"subjects": some(PLAIN), "roles": some(st.sampled_from(ROLES))}),
)


def rule(effect: st.SearchStrategy[str]) -> st.SearchStrategy[Rule]:
    rest: st.SearchStrategy[Rule] = st.fixed_dictionaries(
        {
            "effect": effect,
            "actions": st.sampled_from([["*"], ["publish"], ["publish", "history"]]),
            "rooms": some(PATTERNS),
            "channels": some(PATTERNS),
            "tenants": some(PLAIN),
            "claims": CONDITIONS,
        }
    )
    return st.builds(lambda who, what: who | what, WHO, rest)


RULES = st.lists(rule(st.sampled_from(["allow", "allow", "deny"])), max_size=4)
DENY = rule(st.just("deny"))
ROLE_PAIR = st.tuples(ROLE, ROLE)
AREA: st.SearchStrategy[object] = st.fixed_dictionaries(
    {"actions": st.sampled_from([["*"], ["publish"]]), "rooms": some(PATTERNS)}
)
NARROWING: st.SearchStrategy[dict[str, object]] = st.fixed_dictionaries(
    {},
    optional={
        "roles": st.one_of(st.lists(st.sampled_from(ROLES)), st.none(), st.just("r1")),
        "access": st.one_of(st.lists(AREA, max_size=2), st.just([1]), st.just({})),
    },
)
BASE_CLAIMS = st.sampled_from([{}, {"x": 1}, {"x": True}, {"x": [1, True], "y": "a"}])
NAMES = st.sampled_from(["a", "ab", "b", "ba", "aab", "x"])
QUESTION = st.tuples(NAMES, NAMES, st.sampled_from(ACTIONS), NAMES, NAMES)
Question = tuple[str, str, str, str, str]
Roles = tuple[Rule, Rule]


def built(roles: Roles, rules: list[Rule]) -> RulePolicy:
    """A policy of these parts; a rule that uses no role of its own makes both roles used."""
    both: Rule = {"effect": "allow", "roles": list(ROLES), "actions": ["group"], "subjects": ["zz"]}
    lines = [line(f"[roles.{name}]", it) for name, it in zip(ROLES, roles, strict=True)]
    lines += [line("[[rule]]", it | {"id": f"rule{n}"}) for n, it in enumerate([*rules, both])]
    return RulePolicy(policy("\n".join(lines)))


def line(head: str, table: Rule) -> str:
    return "\n".join([head, *(f"{k} = {toml(v)}" for k, v in table.items() if v is not None)])


def toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k} = {toml(v)}" for k, v in value.items()) + "}"
    return json.dumps(value)


def allows(rules: RulePolicy, question: Question, claims: dict[str, object]) -> bool:
    subject, tenant, action, room, channel = question
    where = (room, channel) if Action(action).has_address else ("", "")
    return rules.decide(Principal(subject, tenant, claims), Action(action), *where).allowed


@given(ROLE_PAIR, RULES, st.integers(0, 4), DENY, QUESTION, BASE_CLAIMS)
def test_a_deny_more_never_allows_more(
    roles: Roles,
    rules: list[Rule],
    at: int,
    deny: Rule,
    question: Question,
    claims: dict[str, object],
) -> None:
    more = [*rules[:at], deny, *rules[at:]]
    assert allows(built(roles, rules), question, claims) or not allows(
        built(roles, more), question, claims
    )


@given(ROLE_PAIR, RULES, QUESTION, BASE_CLAIMS, NARROWING)
def test_claims_never_allow_more_than_every_role_claimed(
    roles: Roles,
    rules: list[Rule],
    question: Question,
    claims: dict[str, object],
    narrowing: dict[str, object],
) -> None:
    policy_ = built(roles, rules)
    most = allows(policy_, question, claims | {"roles": list(ROLES)})
    assert most or not allows(policy_, question, claims | narrowing)


@given(ROLE_PAIR, RULES, QUESTION, BASE_CLAIMS, NARROWING)
def test_claims_never_allow_more_than_none_where_no_role_must_be_claimed(
    roles: Roles,
    rules: list[Rule],
    question: Question,
    claims: dict[str, object],
    narrowing: dict[str, object],
) -> None:
    first, second = (it | {"only_if_claimed": False} for it in roles)
    policy_ = built((first, second), rules)
    assert allows(policy_, question, claims) or not allows(policy_, question, claims | narrowing)


@given(ROLE_PAIR, RULES, st.randoms(use_true_random=False), QUESTION, BASE_CLAIMS)
def test_the_order_never_changes_what_is_allowed(
    roles: Roles,
    rules: list[Rule],
    random: Random,
    question: Question,
    claims: dict[str, object],
) -> None:
    shuffled = list(rules)
    random.shuffle(shuffled)
    assert allows(built(roles, rules), question, claims) == allows(
        built(roles, shuffled), question, claims
    )


def named(table: Rule) -> Rule:
    """The same, about no subject that it does not name."""
    subjects = table.get("subjects")
    if not isinstance(subjects, list):
        return table
    return table | {"subjects": ["a*" if it == "*" else it for it in subjects]}


@given(ROLE_PAIR, RULES, QUESTION, BASE_CLAIMS, NARROWING)
def test_whom_no_pattern_names_is_denied(
    roles: Roles,
    rules: list[Rule],
    question: Question,
    claims: dict[str, object],
    narrowing: dict[str, object],
) -> None:
    first, second, *rest = (named(it) for it in (*roles, *rules))
    rules_ = built((first, second), rest)
    stranger = ("stranger", *question[1:])
    assert not allows(rules_, stranger, claims | narrowing)


@given(ROLE_PAIR, RULES, QUESTION, BASE_CLAIMS, NARROWING)
def test_an_explanation_says_what_happens(
    roles: Roles,
    rules: list[Rule],
    question: Question,
    claims: dict[str, object],
    narrowing: dict[str, object],
) -> None:
    subject, tenant, action, room, channel = question
    where = (room, channel) if Action(action).has_address else ("", "")
    ask = (Principal(subject, tenant, claims | narrowing), Action(action), *where)
    policy_ = built(roles, rules)
    found = policy_.explain(*ask)
    assert found.decision == policy_.decide(*ask)
    deciding = [it for it in found.steps if it.decides]
    assert all(it.mismatch is None for it in deciding)
    if found.decision.allowed:
        assert [it.effect for it in deciding] == ["allow"]
        assert not any(it.effect == "deny" and it.mismatch is None for it in found.steps)


Parts = tuple[Roles, list[Rule]]
PARTS = st.tuples(ROLE_PAIR, RULES)
EVERYBODY = [
    {**claims, **narrowing}
    for claims in ({"x": 1}, {"x": [1, True], "y": "a"})
    for narrowing in ({}, {"roles": ["r1"]}, {"roles": ["r2"]}, {"roles": list(ROLES)})
]
EVERYTHING = list(product(("a", "ab", "x"), ("a", "b"), ACTIONS, ("a", "ab", "b"), ("a", "xb")))


@st.composite
def edited(draw: st.DrawFn) -> tuple[Parts, Parts]:
    """A policy, and the same after one change: what happens in earnest, and is hard to judge."""
    roles, rules = draw(PARTS.filter(lambda it: bool(it[1])))
    tables: list[Rule] = [*roles, *rules]
    at = draw(st.integers(0, len(tables) - 1))
    fresh = draw(ROLE if at < len(roles) else rule(st.sampled_from(["allow", "deny"])))
    key = draw(st.sampled_from(sorted(fresh)))
    change = draw(st.sampled_from(["one key", "one key", "drop", "add"]))
    if change == "one key":
        tables[at] = tables[at] | {key: fresh[key]}
    elif change == "drop" and at >= len(roles):
        del tables[at]
    else:
        tables.append(draw(rule(st.sampled_from(["allow", "deny"]))))
    return (roles, rules), ((tables[0], tables[1]), tables[2:])


@settings(max_examples=150)
@given(st.one_of(edited(), st.tuples(PARTS, PARTS)))
def test_no_weakening_is_overlooked(pair: tuple[Parts, Parts]) -> None:
    old, new = (built(*parts) for parts in pair)
    for before, after in ((old, new), (new, old)):
        if not weakened(before.policy, after.policy):
            assert opened(before, after) == []


def opened(before: RulePolicy, after: RulePolicy) -> list[tuple[Question, dict[str, object]]]:
    """Every question of a small world that only the second one allows."""
    return [
        (question, claims)
        for question, claims in product(EVERYTHING, EVERYBODY)
        if allows(after, question, claims) and not allows(before, question, claims)
    ]


@given(PARTS)
def test_a_policy_does_not_weaken_itself(parts: Parts) -> None:
    assert weakened(built(*parts).policy, built(*parts).policy) == ()
