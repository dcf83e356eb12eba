"""Books that must balance, and that show it when they don't."""

import pytest
from prometheus_client import CollectorRegistry

from arqonbus.telemetry.ledger import Ledger


def kept(waiting: int = 3, pending: int = 2) -> Ledger:
    ledger = Ledger()
    ledger.published, ledger.stored, ledger.refused = 10, 6, 1
    ledger.due, ledger.delivered = 12, 7
    ledger.dropped["slow consumer"] = 2
    ledger.dropped["disconnected"] = 1
    ledger.standing = lambda: (waiting, pending)
    return ledger


def test_balanced_when_everything_is_somewhere() -> None:
    entries = kept().entries()
    assert entries["balanced"] is True
    assert entries["dropped"] == {"slow consumer": 2, "disconnected": 1}
    assert (entries["waiting"], entries["pending"]) == (3, 2)


@pytest.mark.parametrize(("waiting", "pending"), [(2, 2), (4, 2), (3, 1), (3, 3)])
def test_not_balanced_when_something_is_missing_or_doubled(waiting: int, pending: int) -> None:
    assert kept(waiting, pending).balanced() is False


def test_shown_as_metrics() -> None:
    registry = CollectorRegistry()
    registry.register(kept())
    names = {
        "messages_published": 10,
        "messages_stored": 6,
        "messages_refused": 1,
        "deliveries_due": 12,
        "deliveries_done": 7,
    }
    shown = {name: registry.get_sample_value(f"arqonbus_{name}_total") for name in names}
    assert shown == names
    reason = {"reason": "slow consumer"}
    assert registry.get_sample_value("arqonbus_deliveries_dropped_total", reason) == 2
    standing = ("messages_waiting", "deliveries_pending", "ledger_balanced")
    assert [registry.get_sample_value(f"arqonbus_{name}") for name in standing] == [3, 2, 1]
