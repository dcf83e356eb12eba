"""How a policy decides: a deny that matches wins; else the first allow; else it is denied.

The same walk decides and explains, so that an explanation can't differ from what happens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from arqonbus.model.action import Action
from arqonbus.model.principal import Principal
from arqonbus.shield.access.claims import narrowing
from arqonbus.shield.access.interface import ADDRESS, CLAIMS, DEFAULT, NOBODY, Decision
from arqonbus.shield.access.patterns import Values, values_of
from arqonbus.shield.access.policy import Area, Policy, Rule
from arqonbus.shield.access.sanity import warnings_of


@dataclass(frozen=True, slots=True)
class Step:
    """One rule looked at: why it does not match (None when it does), and whether it decides."""

    rule: str
    effect: str
    mismatch: str | None
    decides: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision with every rule of the policy, and the roles that were held."""

    decision: Decision
    roles: tuple[str, ...]
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class _Asker:
    """Who asks, with what follows from that whatever is asked: claims and roles are judged once.

    A deny looks at every role that the subject could hold: by leaving a role out of its token
    nobody gets free of what it forbids.
    """

    principal: Principal
    values: Values
    held: frozenset[str]
    possible: frozenset[str]
    access: tuple[Area, ...] | None

    def excluded(self, rule: Rule) -> str | None:
        """Why a rule is not about who asks; None when it is."""
        return rule.excludes(self.principal, self.held if rule.effect == "allow" else self.possible)

    def is_left(self, action: Action, room: str, channel: str) -> bool:
        """Whether the token's own claim leaves it."""
        return self.access is None or any(
            it.misses(action, room, channel, self.values) is None for it in self.access
        )


@dataclass(frozen=True, slots=True)
class _Known:
    """What was worked out for a principal: who it is to the policy, and which rules are about it;
    or why it may do nothing.
    """

    principal: Principal
    asker: _Asker | Decision
    rules: Mapping[Action, tuple[Rule, ...]]


class RulePolicy:
    """Decides by the rules of a policy."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.warnings = warnings_of(policy)
        self._rules = {
            action: tuple(
                rule
                for effect in ("deny", "allow")
                for rule in policy.rules
                if rule.effect == effect and action in rule.actions
            )
            for action in Action
        }
        # Of the principal asked about last: a list of channels asks about one again and again.
        self._last: _Known | None = None

    @property
    def epoch(self) -> str:
        """The digest of the policy's file."""
        return self.policy.epoch

    def decide(self, principal: Principal, action: Action, room: str, channel: str) -> Decision:
        """Whether it is allowed, by which rule, and why."""
        if not principal.subject or not principal.tenant:
            return Decision(False, NOBODY, "there is no subject, or no tenant")
        if action.has_address != bool(room and channel) or bool(room) != bool(channel):
            return Decision(False, ADDRESS, f"{action} {_WANTS[action.has_address]}")
        known = self._about(principal)
        asker = known.asker
        if isinstance(asker, Decision):
            return asker
        for rule in known.rules[action]:
            if rule.misses(action, room, channel, asker.values) is None:
                return _decision(rule, left=asker.is_left(action, room, channel))
        return Decision(False, DEFAULT, "no rule allows it")

    def explain(self, principal: Principal, action: Action, room: str, channel: str) -> Explanation:
        """The same decision, with what each rule of the file says to it."""
        decision = self.decide(principal, action, room, channel)
        asker = self._about(principal).asker
        if decision.rule in {NOBODY, ADDRESS} or isinstance(asker, Decision):
            return Explanation(decision, (), ())
        steps = tuple(
            Step(
                it.id,
                it.effect,
                it.misses(action, room, channel, asker.values) or asker.excluded(it),
                it.id == decision.rule,
            )
            for it in self.policy.rules
        )
        return Explanation(decision, tuple(sorted(asker.held)), steps)

    def _about(self, principal: Principal) -> _Known:
        if self._last is None or self._last.principal is not principal:
            asker = self._asker(principal)
            rules: Mapping[Action, tuple[Rule, ...]] = {}
            if not isinstance(asker, Decision):
                rules = {
                    action: tuple(it for it in them if asker.excluded(it) is None)
                    for action, them in self._rules.items()
                }
            self._last = _Known(principal, asker, rules)
        return self._last

    def _asker(self, principal: Principal) -> _Asker | Decision:
        try:
            left = narrowing(principal.claims)
        except ValueError as error:
            return Decision(False, CLAIMS, str(error))
        roles = self.policy.roles
        possible = frozenset(name for name, role in roles.items() if role.fits(principal))
        if left.roles is None:
            held = frozenset(it for it in possible if not roles[it].only_if_claimed)
        else:
            held = possible & left.roles
        return _Asker(principal, values_of(principal), held, possible, left.access)


_WANTS = {True: "needs a room and a channel", False: "concerns no channel"}


def _decision(rule: Rule, *, left: bool) -> Decision:
    if rule.effect == "deny":
        return Decision(False, rule.id, f"rule {rule.id} denies it")
    if not left:
        return Decision(False, CLAIMS, "the token's claim access does not cover it")
    return Decision(True, rule.id, f"rule {rule.id} allows it")
