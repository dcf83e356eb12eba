"""Security events: counted, logged within bounds, handed to every sink."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from arqonbus.telemetry.metrics import Metrics
from arqonbus.telemetry.security import (
    CUT,
    LINES_PER_SECOND,
    MAX_DETAILS,
    MAX_TEXT,
    EventKind,
    SecurityEvent,
    SecurityEvents,
)


class Made:
    """Events over a clock that a test turns."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.now = 0.0
        self.events = SecurityEvents(Metrics(self.registry), lambda: self.now)
        self.got: list[SecurityEvent] = []
        self.events.attach(self.got.append)

    def counted(self, kind: EventKind) -> float | None:
        name = "arqonbus_security_events_total"
        return self.registry.get_sample_value(name, {"kind": kind.value})


@pytest.fixture
def made() -> Made:
    return Made()


def test_an_event_is_counted_logged_and_handed_to_every_sink(made: Made) -> None:
    more: list[SecurityEvent] = []
    made.events.attach(more.append)
    event = SecurityEvent(
        EventKind.REFUSAL, "FORBIDDEN", tenant="acme", subject="ann", target="lobby:chat"
    )
    with capture_logs() as lines:
        made.events.report(event)
    assert made.got == more == [event]
    assert made.counted(EventKind.REFUSAL) == 1
    assert lines == [
        {
            "event": "security event",
            "log_level": "info",
            "kind": "refusal",
            "what": "FORBIDDEN",
            "tenant": "acme",
            "subject": "ann",
            "target": "lobby:chat",
        }
    ]


def test_a_change_of_the_bus_is_a_warning(made: Made) -> None:
    with capture_logs() as lines:
        made.events.report(SecurityEvent(EventKind.POLICY, "reload", detail={"rules": 3}))
    assert [(line["log_level"], line["detail"]) for line in lines] == [("warning", {"rules": 3})]


@pytest.mark.parametrize("kind", [EventKind.REFUSAL, EventKind.AUTHENTICATION])
def test_what_clients_can_cause_floods_no_log_and_the_log_says_how_much_it_left_out(
    made: Made, kind: EventKind
) -> None:
    with capture_logs() as lines:
        for _ in range(LINES_PER_SECOND + 30):
            made.events.report(SecurityEvent(kind, "FORBIDDEN"))
        made.now = 1.0
        made.events.report(SecurityEvent(kind, "FORBIDDEN"))
    assert len(lines) == LINES_PER_SECOND + 1
    assert lines[-1]["not_logged_before"] == 30
    assert len(made.got) == made.counted(kind) == LINES_PER_SECOND + 31


def test_one_kind_that_floods_silences_no_other(made: Made) -> None:
    with capture_logs() as lines:
        for _ in range(LINES_PER_SECOND * 2):
            made.events.report(SecurityEvent(EventKind.REFUSAL, "FORBIDDEN"))
        made.events.report(SecurityEvent(EventKind.AUTHENTICATION, "EXPIRED"))
        for _ in range(LINES_PER_SECOND * 2):
            made.events.report(SecurityEvent(EventKind.ADMIN, "channel.delete"))
    assert [line["kind"] for line in lines].count("authentication") == 1
    assert [line["kind"] for line in lines].count("admin") == LINES_PER_SECOND * 2


def test_every_text_is_cut_and_encodable(made: Made) -> None:
    long = "x" * (MAX_TEXT * 10)
    made.events.report(
        SecurityEvent(
            EventKind.AUTHENTICATION,
            "MALFORMED",
            tenant=long,
            subject="\ud800" + long,
            client_id=long,
            address=long,
            target=long,
            detail={f"{n}{long}": long for n in range(100)},
        )
    )
    (event,) = made.got
    texts = [event.tenant, event.subject, event.client_id, event.address, event.target]
    texts += [*event.detail, *map(str, event.detail.values())]
    assert all(len(text) == MAX_TEXT and text.endswith(CUT) for text in texts)
    assert len(event.detail) == MAX_DETAILS
    assert event.subject.encode().startswith(b"?x")


def test_a_text_of_the_greatest_length_stays_whole(made: Made) -> None:
    made.events.report(SecurityEvent(EventKind.REFUSAL, "FORBIDDEN", subject="x" * MAX_TEXT))
    assert made.got[0].subject == "x" * MAX_TEXT
