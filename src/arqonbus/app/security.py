"""The shield as the settings ask for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from arqonbus.app.access import access_policy
from arqonbus.app.build_edge import build_edge
from arqonbus.casil.inspector import Inspector
from arqonbus.shield.access.builtin import ClosedPolicy, OpenPolicy
from arqonbus.shield.access.file import FilePolicy
from arqonbus.shield.anonymous import AnonymousAuthenticator
from arqonbus.shield.permissions import Guard
from arqonbus.shield.revoked import RevocationAuthenticator, Revoked
from arqonbus.shield.ring import KeyRing
from arqonbus.shield.tokens import TokenAuthenticator
from arqonbus.telemetry.security import EventKind, SecurityEvent, SecurityEvents

if TYPE_CHECKING:
    from arqonbus.config.model import Settings
    from arqonbus.edge.edge import Edge
    from arqonbus.shield.interface import Authenticator
    from arqonbus.telemetry.metrics import Metrics


log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Security:
    """Who may come in, what they may do, and what they may say. `keys` is None where no token is
    asked for.
    """

    events: SecurityEvents
    keys: KeyRing | None
    revoked: Revoked
    authenticator: Authenticator
    policy: FilePolicy | OpenPolicy | ClosedPolicy
    guard: Guard
    edge: Edge
    inspector: Inspector

    def record_policies(self) -> None:
        """Record what a run begins with: files may have changed while no bus looked at them."""
        for warning in self.policy.warnings:
            log.warning("the access policy should be looked at", warning=warning)
        self.events.report(
            SecurityEvent(
                EventKind.MODE,
                "policies",
                detail={
                    "authentication": "none" if self.keys is None else "token",
                    "access": self.policy.epoch,
                    "payload_rules": self.inspector.version or "none",
                    "payload_rules_mode": self.inspector.mode or "none",
                },
            )
        )


def security(settings: Settings, metrics: Metrics) -> Security:
    """Read the keys, the policy and the certificates.

    Raises:
        KeyProblem: a key can't be used.
        AccessProblem: the policy can't be used.
        TlsProblem: the certificates can't be used.
        PolicyProblem: the payload rules can't be used.
    """
    keys = None if settings.auth.mode == "none" else KeyRing(settings.auth, metrics)
    revoked = Revoked()
    policy = access_policy(settings)
    events = SecurityEvents(metrics)
    return Security(
        events,
        keys,
        revoked,
        _authenticator(settings, keys, revoked),
        policy,
        Guard(policy, settings.access.operator_tenant),
        build_edge(settings, metrics, events),
        Inspector(settings.casil.policy_file, metrics),
    )


def _authenticator(settings: Settings, keys: KeyRing | None, revoked: Revoked) -> Authenticator:
    if keys is None:
        return AnonymousAuthenticator()
    return RevocationAuthenticator(TokenAuthenticator(keys, settings.auth), revoked)
