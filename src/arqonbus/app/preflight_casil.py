"""What must hold of the payload rules before anything listens."""

from __future__ import annotations

from collections.abc import Iterator

from arqonbus.casil.document import PolicyProblem
from arqonbus.casil.policy import load
from arqonbus.config.model import Settings


def casil_problems(settings: Settings) -> Iterator[str]:
    """Every reason not to start that lies in the payload rules."""
    file = settings.casil.policy_file
    if file is None:
        return
    try:
        policy = load(file)
    except PolicyProblem as problem:
        for line in problem.problems:
            yield f"casil.policy_file: {file}: {line}"
        return
    shown = [rule.id for rule in policy.rules if rule.shown_in_logs]
    policy.close()
    if settings.profile == "prod":
        for rule in shown:
            yield (
                f"casil.policy_file: {file}: profile prod keeps what is found out of the logs: "
                f'rule {rule} needs "logs" in redact_in'
            )
