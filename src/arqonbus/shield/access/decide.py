"""How a policy decides: a deny that matches wins; else the first allow; else it is denied.

The same walk decides and explains, so that an explanation can't differ from what happens.
"""

from __future__ import annotations

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
class _Request:
    """The question, with what follows from who asks.

    A deny looks at every role that the subject could hold: by leaving a role out of its token
    nobody gets free of what it forbids.
    """

    principal: Principal
    action: Action
    room: str
    channel: str
    values: Values
    held: frozenset[str]
    possible: frozenset[str]
    access: tuple[Area, ...] | None

    def mismatch(self, rule: Rule) -> str | None:
        roles = self.held if rule.effect == "allow" else self.possible
        return rule.misses(self.action, self.room, self.channel, self.values) or rule.excludes(
            self.principal, roles
        )

    @property
    def left_by_token(self) -> bool:
        """Whether the token's own claim leaves it."""
        return self.access is None or any(
            it.misses(self.action, self.room, self.channel, self.values) is None
            for it in self.access
        )


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

    @property
    def epoch(self) -> str:
        """The digest of the policy's file."""
        return self.policy.epoch

    def decide(self, principal: Principal, action: Action, room: str, channel: str) -> Decision:
        """Whether it is allowed, by which rule, and why."""
        request = self._request(principal, action, room, channel)
        if isinstance(request, Decision):
            return request
        for rule in self._rules[action]:
            if request.mismatch(rule) is None:
                return _decision(rule, request)
        return Decision(False, DEFAULT, "no rule allows it")

    def explain(self, principal: Principal, action: Action, room: str, channel: str) -> Explanation:
        """The same decision, with what each rule of the file says to it."""
        decision = self.decide(principal, action, room, channel)
        request = self._request(principal, action, room, channel)
        if isinstance(request, Decision):
            return Explanation(decision, (), ())
        steps = tuple(
            Step(it.id, it.effect, request.mismatch(it), it.id == decision.rule)
            for it in self.policy.rules
        )
        return Explanation(decision, tuple(sorted(request.held)), steps)

    def _request(
        self, principal: Principal, action: Action, room: str, channel: str
    ) -> _Request | Decision:
        if not principal.subject or not principal.tenant:
            return Decision(False, NOBODY, "there is no subject, or no tenant")
        if action.has_address != bool(room and channel) or bool(room) != bool(channel):
            return Decision(False, ADDRESS, f"{action} {_WANTS[action.has_address]}")
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
        values = values_of(principal)
        return _Request(principal, action, room, channel, values, held, possible, left.access)


_WANTS = {True: "needs a room and a channel", False: "concerns no channel"}


def _decision(rule: Rule, request: _Request) -> Decision:
    if rule.effect == "deny":
        return Decision(False, rule.id, f"rule {rule.id} denies it")
    if not request.left_by_token:
        return Decision(False, CLAIMS, "the token's claim access does not cover it")
    return Decision(True, rule.id, f"rule {rule.id} allows it")
