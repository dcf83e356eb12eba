"""In which ways a new policy allows what the old one did not.

Conservative: whatever the new policy allows and the old one does not is named; a rule that was
written in another way without allowing more may be named as well. The reasoning: if each allow of
the new policy lies within one of the old, and each deny of the old within one of the new, then
whatever the new one allows an allow of the old matched too, and no deny of the old did.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, Self

from arqonbus.model.action import Action
from arqonbus.shield.access.patterns import Pattern
from arqonbus.shield.access.policy import Condition, Policy, Rule

Patterns = tuple[Pattern, ...]
_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Grant:
    """One rule for one of those it names, with all that must hold at once.

    Attributes:
        who: The name it is told by.
        tenants: Lists of patterns; one of each list must match.
        role: The role that the token may leave out, with whether it must name it; None for
            subjects, and for denies, which no claim of a token frees from.
    """

    rule: str
    who: str
    actions: frozenset[Action]
    subjects: Patterns
    tenants: tuple[Patterns, ...]
    claims: frozenset[Condition]
    role: tuple[str, bool] | None
    rooms: Patterns
    channels: Patterns

    def covers(self, other: Self) -> bool:
        """Whether it surely is about all, actions apart, that `other` is about."""
        return (
            self.claims <= other.claims
            and self._role_covers(other.role)
            and _all_covered(self.subjects, other.subjects)
            and all(any(_all_covered(a, b) for b in other.tenants) for a in self.tenants)
            and _all_covered(self.rooms, other.rooms)
            and _all_covered(self.channels, other.channels)
        )

    def _role_covers(self, other: tuple[str, bool] | None) -> bool:
        if self.role is None:
            return True
        return other is not None and self.role[0] == other[0] and self.role[1] <= other[1]


def weakened(old: Policy, new: Policy) -> tuple[str, ...]:
    """One sentence for each rule by which the new policy allows what the old one did not."""
    return (*_allowed(old, new), *_no_longer_denied(old, new))


def grants(policy: Policy, effect: str) -> list[Grant]:
    """All that the rules of one effect say, in pieces that can be compared."""
    rules = (it for it in policy.rules if it.effect == effect)
    return [grant for rule in rules for grant in _grants(rule, policy)]


def _grants(rule: Rule, policy: Policy) -> Iterator[Grant]:
    if rule.subjects:
        yield _grant(rule, f"subjects {_listed(rule.subjects)}", rule.subjects)
    for name in rule.roles:
        role = policy.roles[name]
        left = (name, role.only_if_claimed) if rule.effect == "allow" else None
        base = _grant(rule, f"role {name}", role.subjects)
        yield replace(
            base,
            tenants=(*base.tenants, role.tenants),
            claims=base.claims.union(role.claims),
            role=left,
        )


def _grant(rule: Rule, who: str, subjects: Patterns) -> Grant:
    return Grant(
        rule=rule.id,
        who=who,
        actions=frozenset(it for it in rule.actions if it.has_address or rule.everywhere),
        subjects=subjects,
        tenants=(rule.tenants,),
        claims=frozenset(rule.claims),
        role=None,
        rooms=rule.rooms,
        channels=rule.channels,
    )


def uncovered(small: list[Grant], big: list[Grant]) -> list[Grant]:
    """What of `small` lies within nothing of `big`, reduced to the actions that don't."""
    unchanged = {replace(it, rule="") for it in big}  # most of a policy is: told fast
    changed = [it for it in small if replace(it, rule="") not in unchanged]
    left = [replace(it, actions=it.actions - _covered(it, big)) for it in changed]
    return [it for it in left if it.actions]


def _covered(one: Grant, big: list[Grant]) -> frozenset[Action]:
    return frozenset().union(*(it.actions for it in big if it.covers(one)))


def _listed(patterns: Patterns) -> str:
    shown = ", ".join(str(it) for it in patterns[:_SHOWN])
    return shown if len(patterns) <= _SHOWN else f"{shown} and {len(patterns) - _SHOWN} more"


def _all_covered(big: Patterns, small: Patterns) -> bool:
    return all(any(it.covers(one) for it in big) for one in small)


def _by_rule(found: list[Grant]) -> Iterator[tuple[str, str]]:
    for rule in dict.fromkeys(it.rule for it in found):
        mine = [it for it in found if it.rule == rule]
        actions = [it for it in Action if any(it in one.actions for one in mine)]
        yield rule, f"{', '.join(actions)} by {', '.join(it.who for it in mine)}"


def _allowed(old: Policy, new: Policy) -> Iterator[str]:
    before = {it.id for it in old.rules if it.effect == "allow"}
    for rule, what in _by_rule(uncovered(grants(new, "allow"), grants(old, "allow"))):
        how = "allows more than before" if rule in before else "is new and allows"
        yield f"rule {rule} {how}: {what}"


def _no_longer_denied(old: Policy, new: Policy) -> Iterator[str]:
    after = {it.id for it in new.rules if it.effect == "deny"}
    for rule, what in _by_rule(uncovered(grants(old, "deny"), grants(new, "deny"))):
        how = "denies less than before" if rule in after else "is gone and no longer denies"
        yield f"rule {rule} {how}: {what}"
