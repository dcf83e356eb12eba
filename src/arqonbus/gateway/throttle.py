"""What a session does about rates: takes what fits, refuses the rest, and waits for a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from arqonbus.protocol.close import CloseCode
from arqonbus.shield.buckets import TokenBucket

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from arqonbus.errors import LimitError
    from arqonbus.gateway.session import Session
    from arqonbus.shield.rates import Meter, Rates

# The time in which refusals are counted.
_WINDOW: Final = 10.0


class Timer(Protocol):
    """Something that will be called."""

    def cancel(self) -> None:
        """Don't call it."""
        ...


class Throttle:
    """One session's; there is none where nothing is limited."""

    def __init__(self, session: Session, meter: Meter, gate: Gate) -> None:
        self._session = session
        self._meter = meter
        self._gate = gate
        self._sizes: list[int] = []
        self._timer: Timer | None = None
        self._too_many = False
        most = gate.refusals_before_close
        self._refusals = TokenBucket(most / _WINDOW, most, gate.clock())

    @property
    def waiting(self) -> bool:
        """Whether nothing is taken at present."""
        return self._timer is not None

    def begin(self) -> None:
        """Take nothing before something may be taken: coming back gains nothing."""
        if not self._meter.fits([1]):
            self._wait(self._meter.over([1]).retry_after or 0.0)

    def cut(self, frames: list[str | bytes]) -> list[str | bytes]:
        """Leave in `frames` what may be taken now; what may not is returned."""
        self._sizes = sizes = [_size(frame) for frame in frames]
        fitting = self._meter.fits(sizes)
        excess = frames[fitting:]
        del frames[fitting:]
        return excess

    def charge(self, count: int) -> None:
        """The first `count` frames of those left by `cut` were taken."""
        self._meter.spend(self._sizes[:count])

    def over(self, excess: Sequence[str | bytes]) -> LimitError:
        """Why these frames are refused."""
        return self._meter.over([_size(frame) for frame in excess])

    def take(self, kind: str) -> None:
        """Take one command or direct message.

        Raises:
            LimitError: there are too many.
        """
        self._meter.take(kind)

    def refused(self, count: int, seconds: float) -> None:
        """So many frames were refused: read no more until they could be taken, or for good. By the
        time it is closed, what was taken has its receipts.
        """
        now = self._gate.clock()
        # Either there is not as much left, or it was taken on credit.
        if self._refusals.take(now, count) > 0.0 or self._refusals.wait(now, 0.0) > 0.0:
            self._too_many = True
        self._wait(seconds)

    def _wait(self, seconds: float) -> None:
        if self._timer is None:
            self._session.pause_reading()
            self._timer = self._gate.call_later(seconds, self._go_on)

    def _go_on(self) -> None:
        self._timer = None
        if self._too_many:
            self._session.close(CloseCode.RATE_LIMITED)
            return
        self._session.resume_reading()
        self._session.wake()

    def end(self) -> None:
        """The session is over."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._gate.rates.release(self._meter)


class Gate:
    """Makes the throttles of all sessions. `call_later` is the event loop's."""

    def __init__(
        self,
        rates: Rates,
        refusals_before_close: int,
        clock: Callable[[], float],
        call_later: Callable[[float, Callable[[], None]], Timer],
    ) -> None:
        self.rates = rates
        self.refusals_before_close = refusals_before_close
        self.clock = clock
        self.call_later = call_later

    def throttle(self, session: Session) -> Throttle | None:
        """What limits a new session; None when nothing does."""
        meter = self.rates.meter(session.principal, session.client_id)
        return None if meter is None else Throttle(session, meter, self)


def _size(frame: str | bytes) -> int:
    """The bytes that a frame's payload had on the wire."""
    return len(frame) if isinstance(frame, bytes) or frame.isascii() else len(frame.encode())
