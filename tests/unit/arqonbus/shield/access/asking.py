"""Policies from text, and questions to them."""

from arqonbus.model.action import Action
from arqonbus.model.principal import Principal
from arqonbus.shield.access.decide import RulePolicy
from arqonbus.shield.access.interface import AccessProblem, Decision
from arqonbus.shield.access.parse import parse_policy
from arqonbus.shield.access.policy import Policy


def policy(text: str) -> Policy:
    return parse_policy(f"schema = 1\n{text}".encode())


def problems(text: str) -> str:
    """All problems of a text, or nothing."""
    try:
        parse_policy(text.encode())
    except AccessProblem as problem:
        return "\n".join(problem.problems)
    return ""


def ask(
    rules: RulePolicy, who: str, action: str, address: str = "", claims: object = None
) -> Decision:
    """`who` is subject or subject@tenant; the address is room:channel."""
    subject, _, tenant = who.partition("@")
    room, _, channel = address.partition(":")
    held = claims if isinstance(claims, dict) else {}
    principal = Principal(subject, tenant or "default", held)
    return rules.decide(principal, Action(action), room, channel)
