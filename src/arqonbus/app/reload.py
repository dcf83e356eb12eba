"""Reads what files say anew while the bus runs: all of it, or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from arqonbus.casil.document import PolicyProblem
from arqonbus.edge.tls import TlsProblem
from arqonbus.errors import ArqonBusError, ErrorCode
from arqonbus.protocol.close import CloseCode
from arqonbus.shield.access.file import FilePolicy
from arqonbus.shield.access.interface import AccessProblem
from arqonbus.shield.algorithms import KeyProblem
from arqonbus.telemetry.security import EventKind, SecurityEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from arqonbus.app.security import Security
    from arqonbus.casil.inspector import PreparedRules
    from arqonbus.routing.hub import Hub, Peer
    from arqonbus.shield.access.file import PreparedPolicy

log = structlog.get_logger(__name__)


class Reloader:
    """Implements `commands.context.Reloads`.

    First every part is read and judged; only when all are good does any of it change.
    """

    def __init__(self, security: Security, hub: Hub) -> None:
        self._security = security
        self._hub = hub

    def reload(self) -> Mapping[str, object]:
        """Put in force what the files say now; what that is.

        Raises:
            ArqonBusError: CONFLICT, with every reason; nothing has changed.
        """
        problems: list[str] = []
        keys, tls = self._keys(problems), self._certificates(problems)
        policy = self._policy(problems)
        rules = self._rules(problems)
        if problems:
            if rules is not None:
                rules.drop()
            self._report("reload refused", {"problems": len(problems)})
            for problem in problems:
                log.error("nothing was reloaded", problem=problem)
            raise ArqonBusError(ErrorCode.CONFLICT, f"nothing was reloaded: {'; '.join(problems)}")
        for swap in (keys, tls):
            if swap is not None:
                swap()
        if policy is not None:
            self._enforce(policy)
        if rules is not None:
            self._inspect(rules)
        return {
            "keys": keys is not None,
            "tls": tls is not None,
            "access": _told(policy),
            "payload_rules": self._security.inspector.version or None,
        }

    def _certificates(self, problems: list[str]) -> Callable[[], None] | None:
        if self._security.edge.tls is None:
            return None
        try:
            return self._security.edge.tls.prepare()
        except TlsProblem as problem:
            problems.append(str(problem))
            return None

    def _keys(self, problems: list[str]) -> Callable[[], None] | None:
        if self._security.keys is None:
            return None
        try:
            return self._security.keys.prepare()
        except KeyProblem as problem:
            problems.append(str(problem))
            return None

    def _policy(self, problems: list[str]) -> PreparedPolicy | None:
        if not isinstance(self._security.policy, FilePolicy):
            return None
        try:
            return self._security.policy.prepare()
        except AccessProblem as problem:
            problems += [f"access.policy_file: {it}" for it in problem.problems]
            return None

    def _rules(self, problems: list[str]) -> PreparedRules | None:
        try:
            return self._security.inspector.prepare()
        except PolicyProblem as problem:
            problems += [f"casil.policy_file: {it}" for it in problem.problems]
            return None

    def _inspect(self, rules: PreparedRules) -> None:
        inspector = self._security.inspector
        before, mode = inspector.version, inspector.mode
        rules()
        if before != inspector.version:
            detail = {"before": before, "after": inspector.version}
            if mode != inspector.mode:
                detail |= {"mode_before": mode, "mode_after": inspector.mode}
            self._report("payload rules changed", detail)

    def _enforce(self, policy: PreparedPolicy) -> None:
        before = self._security.policy.epoch
        policy()
        for peer in tuple(self._hub.peers.values()):
            self._change_rights(peer)
        for warning in policy.warnings:
            log.warning("the access policy should be looked at", warning=warning)
        for sentence in policy.weakened:
            log.warning("the new access policy allows more", how=sentence)
        if before != policy.epoch:
            what = "weakened" if policy.weakened else "changed"
            self._report(
                what, {"before": before, "after": policy.epoch, "ways": len(policy.weakened)}
            )

    def _change_rights(self, peer: Peer) -> None:
        try:
            peer.rights_changed()
        except Exception:
            # One peer's fault must leave neither the others nor itself with the rights of before.
            log.exception("a peer's rights could not be changed", client_id=peer.client_id)
            self._security.edge.metrics.internal_error("reload")
            peer.close(CloseCode.INTERNAL_ERROR)

    def _report(self, what: str, detail: Mapping[str, str | int]) -> None:
        self._security.events.report(SecurityEvent(EventKind.POLICY, what, detail=detail))


def _told(policy: PreparedPolicy | None) -> Mapping[str, object] | None:
    if policy is None:
        return None
    return {
        "epoch": policy.epoch,
        "weakened": list(policy.weakened),
        "warnings": list(policy.warnings),
    }
