"""What is allowed to be written in a policy and is hardly ever meant."""

from __future__ import annotations

from collections.abc import Iterator

from arqonbus.model.action import Action
from arqonbus.shield.access.compare import grants, uncovered
from arqonbus.shield.access.policy import Policy, Rule


def warnings_of(policy: Policy) -> tuple[str, ...]:
    """One sentence for each thing that whoever wrote the policy should look at again."""
    return (*_nobody(policy), *_administrators_anywhere(policy))


def _nobody(policy: Policy) -> Iterator[str]:
    if not uncovered(grants(policy, "allow"), grants(policy, "deny")):
        yield "nobody can ever do anything: no rule allows anything that no other one denies"


def _administrators_anywhere(policy: Policy) -> Iterator[str]:
    for rule in policy.rules:
        if _administers_anywhere(rule, policy):
            yield (
                f"rule {rule.id} lets administer in every tenant, that of the operators too: "
                "name the tenants it is about"
            )


def _administers_anywhere(rule: Rule, policy: Policy) -> bool:
    if rule.effect == "deny" or Action.ADMIN not in rule.actions or not rule.everywhere:
        return False
    if not any(it.is_any for it in rule.tenants):
        return False
    roles = [policy.roles[it] for it in rule.roles]
    return bool(rule.subjects) or any(it.is_any for role in roles for it in role.tenants)
