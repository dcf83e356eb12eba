"""What became of every message: the books that must balance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


@dataclass(slots=True)
class Account:
    """One subscriber's deliveries: ``due = delivered + pending + dropped`` (by reason), replayed
    messages included.

    Delivered means handed to the subscriber's socket, pending that it waits in the outbox.
    """

    due: int = 0
    delivered: int = 0
    pending: int = 0
    dropped: dict[str, int] = field(default_factory=dict)

    def drop(self, reason: str, count: int) -> None:
        """So many of the pending ones will not be delivered."""
        self.pending -= count
        if count:
            self.dropped[reason] = self.dropped.get(reason, 0) + count


class Ledger(Collector):
    """Whole numbers since the start, shown as Prometheus counters.

    ``published = stored + refused + waiting`` over all messages that were accepted, and
    ``due = delivered + pending + dropped`` over all deliveries: one for each stored message and
    subscriber, and for each that is replayed. What waits or is pending is counted where it lies,
    so that the books can be wrong: `standing` tells both numbers.
    """

    def __init__(self) -> None:
        self.published = 0
        self.stored = 0
        self.refused = 0
        self.due = 0
        self.delivered = 0
        self.dropped: Counter[str] = Counter()
        self.standing: Callable[[], tuple[int, int]] = lambda: (0, 0)

    def balanced(self) -> bool:
        """Whether nothing was lost or counted twice."""
        waiting, pending = self.standing()
        messages = self.published == self.stored + self.refused + waiting
        return messages and self.due == self.delivered + pending + self.dropped.total()

    def entries(self) -> dict[str, object]:
        """Everything, for people."""
        waiting, pending = self.standing()
        return {
            "published": self.published,
            "stored": self.stored,
            "refused": self.refused,
            "waiting": waiting,
            "due": self.due,
            "delivered": self.delivered,
            "pending": pending,
            "dropped": dict(self.dropped),
            "balanced": self.balanced(),
        }

    def collect(self) -> Iterator[Metric]:
        """See `prometheus_client.registry.Collector`."""
        for name, text, value in (
            ("messages_published", "Messages accepted.", self.published),
            ("messages_stored", "Messages that reached their durability.", self.stored),
            ("messages_refused", "Accepted messages that the store refused.", self.refused),
            ("deliveries_due", "Stored messages times their subscribers.", self.due),
            ("deliveries_done", "Deliveries handed to subscribers' sockets.", self.delivered),
        ):
            yield CounterMetricFamily(f"arqonbus_{name}", text, value)
        waiting, pending = self.standing()
        for name, text, value in (
            ("messages_waiting", "Accepted messages that wait for their commit.", waiting),
            ("deliveries_pending", "Deliveries that wait in outboxes.", pending),
            ("ledger_balanced", "1 while the books balance.", int(self.balanced())),
        ):
            yield GaugeMetricFamily(f"arqonbus_{name}", text, value)
        dropped = CounterMetricFamily(
            "arqonbus_deliveries_dropped", "Deliveries left out, by reason.", labels=["reason"]
        )
        for reason, count in self.dropped.items():
            dropped.add_metric([reason], count)
        yield dropped
