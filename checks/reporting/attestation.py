"""The in-toto statement of a strict pass: a simple verification result over wheel and sdist."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from checks.outcome import VERIFIER

if TYPE_CHECKING:
    from checks.outcome import Outcome

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://in-toto.io/attestation/svr/v0.1"


def render_attestation(outcome: Outcome) -> str:
    """Return the statement.

    Raises:
        ValueError: the outcome is no strict pass of everything, and must not be attested.
    """
    wheel, sdist = outcome.subject.wheel, outcome.subject.sdist
    if not outcome.attestable or wheel is None or sdist is None:
        raise ValueError("only a strict pass by all gates is attested")
    statement = {
        "_type": STATEMENT,
        "subject": [
            {"name": file.name, "digest": {"sha256": file.sha256}} for file in (wheel, sdist)
        ],
        "predicateType": PREDICATE,
        "predicate": {
            "verifier": {"id": VERIFIER},
            "timeCreated": outcome.ended.replace("+00:00", "Z"),
            "properties": [
                "ARQONBUS_RELEASE_CHECK_STRICT",
                *(f"ARQONBUS_CONTROL_{one.control.id}" for one in outcome.controls),
            ],
            # Beyond the predicate's own fields; its readers ignore what they don't know.
            "policy": {"digest": {"sha256": outcome.surroundings.policy_sha256}},
            "source": {"commit": outcome.subject.commit, "dirty": outcome.subject.dirty},
            "limitations": [
                "This statement is unsigned: it proves nothing about who made it.",
                *outcome.limitations,
            ],
        },
    }
    return json.dumps(statement, indent=2) + "\n"
