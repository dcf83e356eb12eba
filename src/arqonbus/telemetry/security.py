"""What the bus refused, and what was changed about it: told once, to everybody who keeps it."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from arqonbus.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

# A client chooses some of these texts: what is longer is cut, with a mark.
MAX_TEXT: Final = 256
MAX_DETAILS: Final = 16
CUT: Final = "…"
# Lines a second for each kind that clients can cause at will; the others are rare and all logged.
LINES_PER_SECOND: Final = 20


class EventKind(StrEnum):
    """What a security event is about."""

    REFUSAL = "refusal"
    AUTHENTICATION = "authentication"
    ADMIN = "admin"
    POLICY = "policy"
    MODE = "mode"
    REVOCATION = "revocation"


# Whatever a client can cause as often as it likes.
FLOODABLE: Final = frozenset({EventKind.REFUSAL, EventKind.AUTHENTICATION})
# What somebody did to the bus; what mode it is in is logged by those who change it.
_CHANGES: Final = frozenset({EventKind.ADMIN, EventKind.POLICY, EventKind.REVOCATION})


@dataclass(frozen=True, slots=True)
class SecurityEvent:
    """Something that a later question "who did that, and when?" is about.

    `what` is one of a closed set of words (an error code, an action, a command), `target` what it
    was about (ROOM:CHANNEL, a command, a subject), `address` where the client sits. `detail` holds
    numbers, and words of closed sets or names. Never a token, nor a part of one, nor a payload.
    """

    kind: EventKind
    what: str
    tenant: str = ""
    subject: str = ""
    client_id: str = ""
    address: str = ""
    target: str = ""
    detail: Mapping[str, str | int] = field(default_factory=dict)

    def bounded(self) -> SecurityEvent:
        """The same with every text short and encodable, whoever chose it."""
        detail = list(self.detail.items())[:MAX_DETAILS]
        return replace(
            self,
            what=_short(self.what),
            tenant=_short(self.tenant),
            subject=_short(self.subject),
            client_id=_short(self.client_id),
            address=_short(self.address),
            target=_short(self.target),
            detail={
                _short(name): _short(value) if isinstance(value, str) else value
                for name, value in detail
            },
        )


class SecurityEvents:
    """Counts, logs and hands on every security event of one bus.

    A sink is called at once, in the order of events, and must not raise nor wait.
    """

    def __init__(self, metrics: Metrics, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._metrics = metrics
        self._monotonic = monotonic
        self._sinks: list[Callable[[SecurityEvent], None]] = []
        self._window = monotonic()
        self._lines: Counter[EventKind] = Counter()
        self._unsaid: Counter[EventKind] = Counter()

    def attach(self, sink: Callable[[SecurityEvent], None]) -> None:
        """Have `sink` called with every event from now on."""
        self._sinks.append(sink)

    def report(self, event: SecurityEvent) -> None:
        """Something was refused or changed."""
        event = event.bounded()
        self.note(event)
        for sink in self._sinks:
            sink(event)

    def note(self, event: SecurityEvent) -> None:
        """Count and log an event that its sinks got, or will get, by another way."""
        self._metrics.security_event(event.kind)
        if event.kind not in FLOODABLE or self._may_log(event.kind):
            unsaid = self._unsaid.pop(event.kind, 0)
            more = {"not_logged_before": unsaid} if unsaid else {}
            say = log.warning if event.kind in _CHANGES else log.info
            say("security event", **_entries(event), **more)

    def _may_log(self, kind: EventKind) -> bool:
        now = self._monotonic()
        if now - self._window >= 1:
            self._window = now
            self._lines.clear()
        self._lines[kind] += 1
        if self._lines[kind] <= LINES_PER_SECOND:
            return True
        self._unsaid[kind] += 1
        return False


def _entries(event: SecurityEvent) -> dict[str, object]:
    """What is set, under names that the log keeps for nothing else."""
    entries = {
        "kind": event.kind.value,
        "what": event.what,
        "tenant": event.tenant,
        "subject": event.subject,
        "client": event.client_id,
        "address": event.address,
        "target": event.target,
        "detail": dict(event.detail),
    }
    return {name: value for name, value in entries.items() if value}


def _short(text: str) -> str:
    if len(text) <= MAX_TEXT and text.isascii():
        return text
    # A lone surrogate can't be encoded as UTF-8 (RFC 3629, 3), so not stored either.
    text = text[: MAX_TEXT + 1].encode(errors="replace").decode()
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + CUT
