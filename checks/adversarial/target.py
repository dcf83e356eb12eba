"""One running bus under attack."""

from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from checks.adversarial.rules import CRASHED, HUNG, INTERNAL, LEAKED_SECRET, SWELLED
from checks.adversarial.wire import Wire, knock, opened, upgrade
from checks.fault import Fault, NoAnswerError
from checks.peer import connected
from checks.served import get

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager

    from checks.adversarial.forge import Forge
    from checks.adversarial.listeners import Listener
    from checks.adversarial.policy import Demands
    from checks.adversarial.wire import Head
    from checks.fault import Faults
    from checks.peer import Peer
    from checks.served import Served

PAGES = ("/health", "/ready", "/metrics", "/version")
TENANT = "probes"
_EVERY = 0.05
_MOMENT = 1.0
# A traceback as text, or as the field of a line in JSON.
_TRACEBACK = re.compile(r'Traceback \(most recent call last\)|"exception": ?\[')
_DEFECTS = re.compile(r"^arqonbus_internal_errors_total\S* ([0-9.e+]+)$", re.MULTILINE)


class Target:
    """Its doors, what is known of it, and what it must be after every attempt: alive."""

    def __init__(  # noqa: PLR0913, PLR0917 - what a started bus is, bundled nowhere else
        self,
        served: Served,
        ports: tuple[int, int],
        forge: Forge,
        demands: Demands,
        canary: Listener,
        issuer: Listener,
    ) -> None:
        self.served = served
        self.port, self.http_port = ports
        self.forge = forge
        self.demands = demands
        self.canary = canary
        self.issuer = issuer
        self._size = 0

    def token(self, subject: str = "probe", tenant: str = TENANT) -> str:
        """A token that this bus takes."""
        return self.forge.good(subject, tenant)

    def wire(self) -> Wire:
        """A bare connection."""
        return Wire(self.port, self.demands.answer)

    def knock(self, request: bytes) -> Head:
        """A handshake's answer."""
        return knock(self.port, self.demands.answer, request)

    def show(self, token: str) -> Head:
        """The answer to a handshake that is right but for its token."""
        return self.knock(upgrade(token))

    def opened(self, **how: str) -> AbstractContextManager[Wire]:
        """A bare connection that was welcomed."""
        return opened(self.port, self.demands.answer, upgrade(self.token(), **how))

    def peer(self, subject: str = "probe", tenant: str = TENANT) -> AbstractContextManager[Peer]:
        """A connection that was welcomed."""
        return connected(self.port, self.demands.answer, self.token(subject, tenant))

    def page(self, path: str) -> str:
        """A page's text; empty when it can't be had."""
        return (get(self.http_port, path) or (0, ""))[1]

    def until(self, ask: Callable[[], Head], fits: Callable[[Head], bool]) -> Head:
        """Ask again and again until an answer fits or the time is over; the last one."""
        deadline = time.monotonic() + self.demands.answer
        while not fits(head := ask()) and time.monotonic() < deadline:
            time.sleep(_EVERY)
        return head

    def weigh(self) -> None:
        """Remember how much memory it has used so far."""
        self._size = self._peak()

    def pulse(self, healthy: Peer, after: str) -> Faults:
        """Demand an answer to a ping of a client that did nothing wrong."""
        try:
            healthy.call("ping", {})
        except NoAnswerError as error:
            yield self.silence(f"after {after}, a healthy client: {error}")

    def silence(self, what: str) -> Fault:
        """What it means that there was no answer."""
        try:
            # A connection ends a moment before the process that had it.
            code = self.served.process.wait(_MOMENT)
        except subprocess.TimeoutExpired:
            return Fault(HUNG, what)
        return Fault(CRASHED, f"it ended with {code}: {what}")

    def aftermath(self) -> Faults:
        """Demand that it runs, has logged no defect, and stayed within its bounds."""
        if (code := self.served.process.poll()) is not None:
            yield Fault(CRASHED, f"it ended with {code}")
            return
        if found := _TRACEBACK.findall(self.served.said()):
            yield Fault(INTERNAL, f"its log holds {len(found)} tracebacks")
        if any(float(value) for value in _DEFECTS.findall(self.page("/metrics"))):
            yield Fault(INTERNAL, "its metrics count internal errors")
        grown = self._peak() - self._size
        if grown > self.demands.growth_bytes:
            yield Fault(SWELLED, f"its memory grew by {grown >> 20} MiB")

    def betrayed(self, where: str, text: str, secrets: Iterable[str]) -> Faults:
        """Demand that a text holds no part of a token or secret; the part itself is not told."""
        if any(secret in text for secret in secrets):
            yield Fault(LEAKED_SECRET, f"{where} holds a token, the secret, or a part of one")

    def _peak(self) -> int:
        """The most memory it ever had, in bytes; 0 once it has ended."""
        try:
            status = Path(f"/proc/{self.served.process.pid}/status").read_text("ascii")
        except OSError:
            return 0
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        return int(found[1]) << 10 if found else 0
