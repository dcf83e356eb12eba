"""Tokens end while their connections live: the peer is told in time, then it has to go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog

from arqonbus.protocol.close import CloseCode
from arqonbus.telemetry.security import EventKind, SecurityEvent

if TYPE_CHECKING:
    from arqonbus.bus.ticks import Tick
    from arqonbus.config.shield import AuthSettings
    from arqonbus.routing.hub import Hub, Peer
    from arqonbus.telemetry.metrics import Metrics
    from arqonbus.telemetry.security import SecurityEvents

_MICROS: Final = 1_000_000

log = structlog.get_logger(__name__)


class Expiries:
    """Looks at every peer's token now and then (a sweep: a timer for each would have to be moved
    with every refresh, and would not notice a clock that jumped).
    """

    def __init__(
        self,
        hub: Hub,
        tick: Tick,
        settings: AuthSettings,
        events: SecurityEvents,
        metrics: Metrics,
    ) -> None:
        self._hub = hub
        self._tick = tick
        self._notice = settings.expiry_notice
        self._leeway = settings.leeway
        self._events = events
        self._metrics = metrics
        # The `exp` of which a client was told, by client id.
        self._told: dict[str, float] = {}
        # Whose token is over: they may be a while in leaving.
        self._ended: set[str] = set()

    def look(self) -> None:
        """Tell those whose token ends soon, and close those whose token is over."""
        now = self._tick.now() / _MICROS
        peers = tuple(self._hub.peers.values())
        for peer in peers:
            try:
                self._look_at(peer, now)
            except Exception:
                # The edge of one connection: the others' tokens end all the same.
                log.exception("looking at a token failed", client_id=peer.client_id)
                self._metrics.internal_error("expiry")
        there = {peer.client_id for peer in peers}
        self._told = {who: when for who, when in self._told.items() if who in there}
        self._ended &= there

    def _look_at(self, peer: Peer, now: float) -> None:
        expires = peer.principal.expires
        if expires is None or now < expires - self._notice:
            return
        if now >= expires + self._leeway:
            if peer.client_id not in self._ended:
                self._end(peer)
                self._ended.add(peer.client_id)
        elif self._told.get(peer.client_id) != expires:
            self._told[peer.client_id] = expires
            peer.notice({"event": "token", "expires": expires, "ends": expires + self._leeway})

    def _end(self, peer: Peer) -> None:
        peer.close(CloseCode.UNAUTHENTICATED)
        principal = peer.principal
        self._events.report(
            SecurityEvent(
                EventKind.AUTHENTICATION,
                "expired",
                tenant=principal.tenant,
                subject=principal.subject,
                client_id=peer.client_id,
            )
        )
