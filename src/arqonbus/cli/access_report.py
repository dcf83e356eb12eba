"""What `arqonbus access explain` prints."""

from __future__ import annotations

import dataclasses
import json

from arqonbus.model.action import Action
from arqonbus.model.principal import Principal
from arqonbus.shield.access.decide import Explanation, Step


def as_text(found: Explanation, principal: Principal, action: Action, address: str) -> str:
    """For a person: the answer, the roles held, and a line for each rule."""
    verdict = "allowed" if found.decision.allowed else "DENIED"
    where = f" {address}" if address else ""
    lines = [
        f"{verdict}: {action}{where} by {principal.subject} of tenant {principal.tenant}",
        f"because {found.decision.why}",
    ]
    if found.steps:
        lines.append(f"roles held: {', '.join(found.roles) or 'none'}")
        lines += [_line(it, max(len(one.rule) for one in found.steps)) for it in found.steps]
    return "\n".join(lines)


def _line(step: Step, width: int) -> str:
    mark = ">" if step.decides else " "
    return f"{mark} {step.rule:<{width}}  {step.effect:<5}  {step.mismatch or 'matches'}"


def as_json(found: Explanation, principal: Principal, action: Action, address: str) -> str:
    """For a program."""
    document = {
        "subject": principal.subject,
        "tenant": principal.tenant,
        "action": action,
        "address": address,
        **dataclasses.asdict(found.decision),
        "roles": found.roles,
        "rules": [
            {
                "rule": it.rule,
                "effect": it.effect,
                "matches": it.mismatch is None,
                "mismatch": it.mismatch,
                "decides": it.decides,
            }
            for it in found.steps
        ],
    }
    return json.dumps(document, indent=2)
