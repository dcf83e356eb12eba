"""Every metric of the bus, in a registry that is passed in.

The hot path calls these once a batch with whole numbers, so nothing here is called per message.
"""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from arqonbus.model.durability import Durability
from arqonbus.telemetry.ledger import Ledger

BATCH_BUCKETS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
COMMIT_BUCKETS: Final = (
    0.000_1,
    0.000_25,
    0.000_5,
    0.001,
    0.002_5,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1,
    2.5,
)


class _Make:
    """Makes metrics of one registry with the bus's prefix."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"arqonbus_{name}", text, labels, registry=self._registry)

    def gauge(self, name: str, text: str) -> Gauge:
        return Gauge(f"arqonbus_{name}", text, registry=self._registry)

    def histogram(self, name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(f"arqonbus_{name}", text, registry=self._registry, buckets=buckets)


class Metrics:
    """The counters, gauges and histograms of one bus.

    `ledger` holds the numbers of messages and deliveries.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry: Final = registry
        self.ledger: Final = Ledger()
        registry.register(self.ledger)
        make = _Make(registry)
        self._connection_metrics(make)
        self._message_metrics(make)
        self._store_metrics(make)
        self._task_metrics(make)
        self._inspection_metrics(make)
        self._failure_metrics(make)

    def _connection_metrics(self, make: _Make) -> None:
        self._connections = make.gauge("connections", "Open WebSocket connections.")
        self._accepted = make.counter("connections_accepted_total", "Connections accepted.")
        self._handshakes_refused = make.counter(
            "handshakes_refused_total", "Handshakes refused, by reason.", "reason"
        )
        self._key_sets = make.counter(
            "key_set_fetches_total", "Fetches of the JWK Set, by result.", "result"
        )
        self._certificate: Gauge | None = None
        self._bytes_in = make.counter("bytes_in_total", "Payload bytes of frames received.")
        self._bytes_out = make.counter("bytes_out_total", "Bytes handed to peers' sockets.")
        self._commands = make.counter(
            "commands_total", "Commands answered, by command and status.", "command", "status"
        )

    def _message_metrics(self, make: _Make) -> None:
        self._batches = make.counter("batches_total", "Batches committed.")
        self._batch_size = make.histogram("batch_size", "Messages in a batch.", BATCH_BUCKETS)
        self._commit_seconds = make.histogram(
            "commit_seconds", "Time from handing a batch to storage to its commit.", COMMIT_BUCKETS
        )

    def _store_metrics(self, make: _Make) -> None:
        self._level = make.gauge(
            "durability_level",
            "Level in force: 1 memory, 2 remote, 3 disk, 4 replicated.",
        )
        self._degraded = make.gauge("degraded", "1 while less than what was demanded is in force.")
        self._available = make.gauge("storage_available", "1 while the store takes messages.")
        self._not_kept = make.counter(
            "messages_not_kept_total",
            "Messages taken at level memory in mode degraded that the store never got.",
        )
        self._streams_lost = make.counter(
            "streams_lost_total", "Streams of which the store lost positions."
        )

    def _task_metrics(self, make: _Make) -> None:
        self._tasks_sent = make.counter(
            "group_deliveries_total", "Tasks sent to workers: first, or again.", "attempt"
        )
        self._delayed = make.counter("delayed_delivered_total", "Delayed messages delivered.")

    def _inspection_metrics(self, make: _Make) -> None:
        self._inspections = make.counter(
            "inspections_total", "Messages inspected, by what came of it.", "verdict"
        )
        self._rules_found = make.counter(
            "payload_rules_total", "Messages in which a payload rule found something.", "rule"
        )

    def _failure_metrics(self, make: _Make) -> None:
        self._protocol_errors = make.counter(
            "protocol_errors_total", "Error envelopes sent, by error code.", "code"
        )
        self._internal_errors = make.counter(
            "internal_errors_total", "Faults of the bus itself, by place.", "where"
        )
        self._outbox_overflows = make.counter(
            "outbox_overflows_total", "Peers that read too slowly, by policy.", "policy"
        )
        self._security_events = make.counter(
            "security_events_total", "Refusals, and changes of the bus, by kind.", "kind"
        )
        self._limited = make.counter(
            "limit_refusals_total", "Requests refused for a limit, by its setting.", "limit"
        )
        self._audit_lost = make.counter(
            "audit_lost_total", "Security events that the audit log has only as a number."
        )

    def connection_opened(self) -> None:
        """A peer finished its handshake."""
        self._connections.inc()
        self._accepted.inc()

    def connection_closed(self) -> None:
        """A peer that had been opened is gone."""
        self._connections.dec()

    def handshake_refused(self, reason: str) -> None:
        """A handshake was answered with an HTTP error."""
        self._handshakes_refused.labels(reason).inc()

    def key_set_fetched(self, *, good: bool) -> None:
        """The JWK Set was asked for, and a usable one came or none."""
        self._key_sets.labels("good" if good else "failed").inc()

    def certificate_expires(self, timestamp: float) -> None:
        """The certificate in force ends then (unix seconds); without TLS there is no figure."""
        if self._certificate is None:
            self._certificate = _Make(self.registry).gauge(
                "tls_certificate_expires_seconds",
                "When the certificate that is served ends, in seconds since 1970.",
            )
        self._certificate.set(timestamp)

    def received(self, size: int) -> None:
        """Frames with so many payload bytes came in."""
        self._bytes_in.inc(size)

    def sent(self, size: int) -> None:
        """So many bytes were handed to sockets."""
        self._bytes_out.inc(size)

    def batch(self, messages: int, commit_seconds: float) -> None:
        """One batch was committed."""
        self._batches.inc()
        self._batch_size.observe(messages)
        self._commit_seconds.observe(commit_seconds)

    def durability(self, level: Durability, *, degraded: bool, available: bool) -> None:
        """What the store gives from now on."""
        self._level.set(level)
        self._degraded.set(degraded)
        self._available.set(available)

    def not_kept(self, messages: int) -> None:
        """So many messages that were taken at level memory never got into the store."""
        self._not_kept.inc(messages)

    def stream_lost(self) -> None:
        """The store lost positions of a stream."""
        self._streams_lost.inc()

    def task_sent(self, *, again: bool) -> None:
        """A task was sent to a worker of a group."""
        self._tasks_sent.labels("again" if again else "first").inc()

    def delayed_delivered(self) -> None:
        """A delayed message was delivered and its end noted."""
        self._delayed.inc()

    def inspected(self, verdict: str) -> None:
        """A message was inspected."""
        self._inspections.labels(verdict).inc()

    def rule_found(self, rule: str) -> None:
        """A rule of the policy, which bounds their number, found something in a message."""
        self._rules_found.labels(rule).inc()

    def protocol_error(self, code: str) -> None:
        """A peer was sent an error envelope."""
        self._protocol_errors.labels(code).inc()

    def internal_error(self, where: str) -> None:
        """The bus itself failed at a named place; never by the peer's data."""
        self._internal_errors.labels(where).inc()

    def outbox_overflow(self, policy: str) -> None:
        """A peer's outbox was full."""
        self._outbox_overflows.labels(policy).inc()

    def security_event(self, kind: str) -> None:
        """Something was refused or changed; `kind` is a value of `EventKind`."""
        self._security_events.labels(kind).inc()

    def limited(self, limit: str) -> None:
        """A request was refused for a limit, named by its setting."""
        self._limited.labels(limit).inc()

    def audit_lost(self, events: int) -> None:
        """So many events were left out of the audit log but for their number."""
        self._audit_lost.inc(events)

    def command(self, command: str, status: str) -> None:
        """A command was answered; unknown names must be passed as ``unknown``."""
        self._commands.labels(command, status).inc()
