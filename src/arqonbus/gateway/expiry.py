"""Tokens end while their connections live: the peer is told in time, then it has to go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from arqonbus.protocol.close import CloseCode
from arqonbus.telemetry.security import EventKind, SecurityEvent

if TYPE_CHECKING:
    from arqonbus.bus.ticks import Tick
    from arqonbus.config.model import AuthSettings
    from arqonbus.routing.hub import Hub, Peer
    from arqonbus.telemetry.security import SecurityEvents

_MICROS: Final = 1_000_000


class Expiries:
    """Looks at every peer's token now and then (a sweep: a timer for each would have to be moved
    with every refresh, and would not notice a clock that jumped).
    """

    def __init__(
        self, hub: Hub, tick: Tick, settings: AuthSettings, events: SecurityEvents
    ) -> None:
        self._hub = hub
        self._tick = tick
        self._notice = settings.expiry_notice
        self._leeway = settings.leeway
        self._events = events
        # The `exp` of which a client was told, by client id.
        self._told: dict[str, float] = {}

    def look(self) -> None:
        """Tell those whose token ends soon, and close those whose token is over."""
        now = self._tick.now() / _MICROS
        told, self._told = self._told, {}
        for peer in tuple(self._hub.peers.values()):
            expires = peer.principal.expires
            if expires is None or now < expires - self._notice:
                continue
            if now >= expires + self._leeway:
                self._end(peer)
                continue
            self._told[peer.client_id] = expires
            if told.get(peer.client_id) != expires:
                peer.notice({"event": "token", "expires": expires, "ends": expires + self._leeway})

    def _end(self, peer: Peer) -> None:
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
        peer.close(CloseCode.UNAUTHENTICATED)
