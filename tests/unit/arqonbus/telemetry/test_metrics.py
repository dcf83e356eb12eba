"""Metrics count what they are told, each in its own registry."""

from prometheus_client import CollectorRegistry

from arqonbus.telemetry.metrics import Metrics


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"arqonbus_{name}", labels)


def test_every_method_counts() -> None:
    metrics = Metrics(CollectorRegistry())
    metrics.connection_opened()
    metrics.connection_opened()
    metrics.connection_closed()
    metrics.handshake_refused("expired")
    metrics.received(10)
    metrics.sent(20)
    metrics.batch(3, 0.002)
    metrics.protocol_error("NOT_FOUND")
    metrics.internal_error("fanout")
    metrics.outbox_overflow("drop")
    metrics.command("ping", "success")
    assert value(metrics, "connections") == 1
    assert value(metrics, "connections_accepted_total") == 2
    assert value(metrics, "handshakes_refused_total", reason="expired") == 1
    assert value(metrics, "bytes_in_total") == 10
    assert value(metrics, "bytes_out_total") == 20
    assert value(metrics, "batches_total") == 1
    assert value(metrics, "batch_size_sum") == 3
    assert value(metrics, "commit_seconds_bucket", le="0.0025") == 1
    assert value(metrics, "protocol_errors_total", code="NOT_FOUND") == 1
    assert value(metrics, "internal_errors_total", where="fanout") == 1
    assert value(metrics, "outbox_overflows_total", policy="drop") == 1
    assert value(metrics, "commands_total", command="ping", status="success") == 1


def test_two_buses_share_nothing() -> None:
    one, other = Metrics(CollectorRegistry()), Metrics(CollectorRegistry())
    one.sent(5)
    one.ledger.published = 5
    assert value(other, "bytes_out_total") == 0
    assert value(other, "messages_published_total") == 0
