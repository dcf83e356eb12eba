"""How much a second a connection, a principal and a tenant may send. Pure: the time is passed in.

Charged once for all frames of a turn, so that a limit costs no call for each message.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from arqonbus.config.limits import RATE_KINDS
from arqonbus.errors import LimitError
from arqonbus.shield.buckets import TokenBucket

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from arqonbus.config.limits import RateSettings
    from arqonbus.model.principal import Principal

_SWEEP_SECONDS: Final = 1.0
# A count that comes out of divisions may miss a whole number by this much.
_ROUNDING: Final = 1e-9


class Allowance(TokenBucket):
    """A bucket of which a part can be taken."""

    __slots__ = ("limit",)

    def __init__(self, limit: str, rate: float, burst: float, now: float) -> None:
        super().__init__(rate, burst, now)
        self.limit = limit

    def available(self, now: float) -> float:
        """What can be taken now."""
        self.wait(now, 0.0)
        return self._level + _ROUNDING

    def fits(self, now: float, totals: Sequence[float]) -> int:
        """How many of the first things fit, by their running totals."""
        return bisect_right(totals, self.available(now))

    def spend(self, now: float, amount: float) -> None:
        """Take what was found to fit."""
        self.wait(now, 0.0)
        self._level -= amount


@dataclass(slots=True)
class Share:
    """What all users of one key have together, by kind. Kept as long as it is used or not full."""

    allowances: dict[str, Allowance]
    users: int = 0

    def idle(self, now: float) -> bool:
        """Whether a new one would be the same."""
        return not self.users and all(one.full(now) for one in self.allowances.values())


class Meter:
    """A connection's own allowances and its part of those of its principal and tenant."""

    __slots__ = ("_by_kind", "_clock", "shares")

    def __init__(self, clock: Callable[[], float], shares: Sequence[Share]) -> None:
        self.shares = shares
        self._clock = clock
        self._by_kind = {
            kind: [share.allowances[kind] for share in shares if kind in share.allowances]
            for kind in RATE_KINDS
        }

    def fits(self, sizes: Sequence[int]) -> int:
        """How many of the first frames may be taken now; nothing is taken yet."""
        now, by_kind = self._clock(), self._by_kind
        counts = range(1, len(sizes) + 1)
        fitting = [len(sizes), *(one.fits(now, counts) for one in by_kind["messages"])]
        if by_kind["bytes"]:
            totals = list(accumulate(sizes))
            fitting += [one.fits(now, totals) for one in by_kind["bytes"]]
        return min(fitting)

    def spend(self, sizes: Sequence[int]) -> None:
        """These frames were taken."""
        now = self._clock()
        for kind, amount in (("messages", len(sizes)), ("bytes", sum(sizes))):
            for one in self._by_kind[kind]:
                one.spend(now, amount)

    def over(self, sizes: Sequence[int]) -> LimitError:
        """Why these frames are refused, and when all of them could be taken."""
        now = self._clock()
        amounts = (("messages", float(len(sizes))), ("bytes", float(sum(sizes))))
        return _refusal(
            *max(
                (one.wait(now, n), one.limit) for kind, n in amounts for one in self._by_kind[kind]
            )
        )

    def take(self, kind: str) -> None:
        """Take one of a kind from all allowances, or from none.

        Raises:
            LimitError: one of them has none left.
        """
        allowances = self._by_kind[kind]
        if not allowances:
            return
        now = self._clock()
        wait, limit = max((one.wait(now), one.limit) for one in allowances)
        if wait > 0.0:
            raise _refusal(wait, limit)
        for one in allowances:
            one.spend(now, 1.0)


class Rates:
    """The allowances of all connections. `clock` is monotonic, in seconds."""

    def __init__(self, settings: RateSettings, clock: Callable[[], float]) -> None:
        self._limits = settings.limits()
        self._burst = settings.burst
        self._clock = clock
        self._shares: dict[tuple[str, ...], Share] = {}
        self._swept = float("-inf")

    def __len__(self) -> int:
        return len(self._shares)

    def meter(self, principal: Principal, client_id: str) -> Meter | None:
        """What a new connection is charged with; None when nothing is limited.

        Whoever is anonymous is a principal of its own: it shares no more than the tenant.
        """
        if not self._limits:
            return None
        self._sweep()
        tenant, subject = principal.tenant, principal.subject
        who = ("anonymous", client_id) if principal.anonymous else ("subject", subject)
        shares = [
            self._made("connection"),
            self._shared("principal", tenant, *who),
            self._shared("tenant", tenant),
        ]
        for share in shares:
            share.users += 1
        return Meter(self._clock, shares)

    def release(self, meter: Meter) -> None:
        """The connection is over. What it used up stays so: coming back gains nothing."""
        for share in meter.shares:
            share.users -= 1

    def _shared(self, scope: str, *key: str) -> Share:
        found = self._shares.get((scope, *key))
        if found is None:
            found = self._shares[scope, *key] = self._made(scope)
        return found

    def _made(self, scope: str) -> Share:
        now, burst = self._clock(), self._burst
        return Share(
            {
                kind: Allowance(f"rates.{whose}_{kind}", rate, rate * burst, now)
                for (whose, kind), rate in self._limits.items()
                if whose == scope
            }
        )

    def _sweep(self) -> None:
        # Seldom: looking through all of them for each connection would be an attack of its own.
        now = self._clock()
        if now - self._swept < _SWEEP_SECONDS:
            return
        self._swept = now
        self._shares = {key: one for key, one in self._shares.items() if not one.idle(now)}


def _refusal(wait: float, limit: str) -> LimitError:
    seconds = max(0.001, round(wait, 3))
    whose, _, what = limit.removeprefix("rates.").partition("_")
    return LimitError(limit, f"more {what} a second than this {whose} may send", seconds)
