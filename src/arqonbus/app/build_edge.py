"""The edge of a bus from its settings."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import structlog

from arqonbus.edge.edge import Edge
from arqonbus.edge.tls import Loaded, Tls

if TYPE_CHECKING:
    from arqonbus.config.model import Settings
    from arqonbus.telemetry.metrics import Metrics
    from arqonbus.telemetry.security import SecurityEvents

_WARN_DAYS: Final = 14
_DAY: Final = 86_400

log = structlog.get_logger(__name__)


def build_edge(settings: Settings, metrics: Metrics, events: SecurityEvents) -> Edge:
    """The rules, with the certificates read.

    Raises:
        TlsProblem: the certificates can't be used any more; the preflight saw them before.
    """

    def loaded(certificates: Loaded) -> None:
        metrics.certificate_expires(certificates.expires)
        days = (certificates.expires - time.time()) / _DAY
        if days < _WARN_DAYS:
            log.warning("the certificate ends soon: renew it and reload", days_left=int(days))

    tls = None
    if settings.tls.cert_file is not None:
        tls = Tls(settings.tls, time.time, loaded)
    return Edge(settings, metrics, events, tls, time.monotonic)
