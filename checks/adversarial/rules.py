"""The rules of the gate `adversarial`."""

from __future__ import annotations

from typing import Final

ACCEPTED: Final = "adversarial.accepted"
WRONG_ANSWER: Final = "adversarial.wrong-answer"
INTERNAL: Final = "adversarial.internal"
CRASHED: Final = "adversarial.crashed"
HUNG: Final = "adversarial.hung"
SWELLED: Final = "adversarial.swelled"
LEAKED_TENANT: Final = "adversarial.leaked-tenant"
LEAKED_SECRET: Final = "adversarial.leaked-secret"  # noqa: S105 - a rule's name
CONNECTED_OUT: Final = "adversarial.connected-out"
REFUSED_LEGITIMATE: Final = "adversarial.refused-legitimate"
NOT_RUN: Final = "adversarial.not-run"

RULES: Final = (
    ACCEPTED,
    WRONG_ANSWER,
    INTERNAL,
    CRASHED,
    HUNG,
    SWELLED,
    LEAKED_TENANT,
    LEAKED_SECRET,
    CONNECTED_OUT,
    REFUSED_LEGITIMATE,
    NOT_RUN,
)
