"""The rules at the edge of one bus, for all of its listeners."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from arqonbus.config.model import Settings
from arqonbus.edge.gate import Gate, Visitor
from arqonbus.edge.networks import networks
from arqonbus.edge.origins import Origins
from arqonbus.edge.proxies import Proxies
from arqonbus.edge.refusal import HandshakeRefused
from arqonbus.edge.tls import Tls
from arqonbus.errors import ErrorCode
from arqonbus.telemetry.metrics import Metrics
from arqonbus.telemetry.security import EventKind, SecurityEvent, SecurityEvents

Headers = Callable[[str], Sequence[str]]


class Edge:
    """Who may come in, whoever they will turn out to be."""

    def __init__(
        self,
        settings: Settings,
        metrics: Metrics,
        events: SecurityEvents,
        tls: Tls | None,
        now: Callable[[], float],
    ) -> None:
        """Take the rules from the settings.

        Args:
            settings: of the bus; the preflight has judged them.
            metrics: where refusals are counted.
            events: where they are reported.
            tls: the certificates, or None to serve in the clear.
            now: a clock that only goes forward.
        """
        development = settings.profile == "dev"
        self.metrics = metrics
        self._events = events
        self.tls = tls
        self.handshake_timeout = settings.heartbeat.handshake_timeout
        self.query_token = settings.edge.query_token
        self.origins = Origins(settings.edge.origins, loopback=development)
        self.proxies = Proxies(settings.edge.proxy_header, networks(settings.edge.trusted_proxies))
        self.gate = Gate(settings.limits, loopback_free=development, now=now)

    def identify(self, visitor: Visitor, headers: Headers) -> None:
        """Find out whose request this is, and refuse it if its address has had enough.

        Raises:
            HandshakeRefused: a proxy's header can't be read, or a limit was reached.
        """
        proxies = self.proxies
        if proxies.header != "proxy-protocol" and proxies.trusts(visitor.peer):
            visitor.settle(proxies.client(visitor.peer, headers))
        visitor.check()

    def refused(self, reason: str, visitor: Visitor, about: str = "") -> None:
        """Tell that a connection was turned away, by an error code or ``TLS``, and why."""
        nobody = reason == ErrorCode.UNAUTHENTICATED
        kind = EventKind.AUTHENTICATION if nobody else EventKind.REFUSAL
        self._events.report(SecurityEvent(kind, reason, address=str(visitor.address), target=about))
        self.turned_away(reason, visitor)

    def turned_away(self, reason: str, visitor: Visitor) -> None:
        """Count what was refused, and reported, of a visitor."""
        self.metrics.handshake_refused(reason)
        if reason != ErrorCode.RATE_LIMITED:
            visitor.failed()

    def answered(self, refused: HandshakeRefused, visitor: Visitor) -> None:
        """Count that a request was refused."""
        self.refused(refused.code.value, visitor, refused.about)
