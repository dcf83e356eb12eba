"""Allowances: never more than a rate allows, whatever comes and however it is split."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arqonbus.config.limits import RateSettings
from arqonbus.errors import ErrorCode, LimitError
from arqonbus.model.principal import ANONYMOUS, Principal
from arqonbus.shield.rates import Meter, Rates

ADA, BOB = Principal("ada", "blue"), Principal("bob", "blue")


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def rates(clock: Clock, **settings: float) -> Rates:
    return Rates(RateSettings.model_validate({"burst": 1.0, **settings}), clock)


def metered(of: Rates, principal: Principal, client_id: str = "c_1") -> Meter:
    meter = of.meter(principal, client_id)
    assert meter is not None
    return meter


def taken(meter: Meter, sizes: list[int]) -> int:
    count = meter.fits(sizes)
    meter.spend(sizes[:count])
    return count


def test_nothing_is_metered_where_nothing_is_limited() -> None:
    assert rates(Clock()).meter(ADA, "c_1") is None


@given(
    rate=st.floats(1, 1000),
    burst=st.floats(1, 10),
    turns=st.lists(st.tuples(st.floats(0, 5), st.lists(st.integers(1, 50), max_size=60))),
)
def test_never_more_than_the_rate_and_the_burst(
    rate: float, burst: float, turns: list[tuple[float, list[int]]]
) -> None:
    clock = Clock()
    settings = {"burst": burst, "connection_messages": rate, "tenant_bytes": 20 * rate}
    meter = metered(rates(clock, **settings), ADA)
    accepted, size = 0, 0
    for pause, sizes in turns:
        clock.seconds += pause
        count = taken(meter, sizes)
        accepted, size = accepted + count, size + sum(sizes[:count])
        seconds = clock.seconds + burst
        assert accepted <= rate * seconds + 0.001
        assert size <= 20 * rate * seconds + 0.001
        if count < len(sizes):
            assert meter.over(sizes[count:]).retry_after


@given(st.integers(1, 500), st.integers(1, 500))
def test_a_retry_after_the_time_told_is_taken(first: int, again: int) -> None:
    clock = Clock()
    meter = metered(rates(clock, connection_messages=100.0), ADA)
    rest = first - taken(meter, [1] * first)
    if rest:
        error = meter.over([1] * rest)
        assert error.code is ErrorCode.RATE_LIMITED
        assert error.retryable
        clock.seconds += (error.retry_after or 0) + 0.001
        assert taken(meter, [1] * rest) == min(rest, 100)
    clock.seconds += 1.0
    assert taken(meter, [1] * again) == min(again, 100)


def test_connections_of_a_principal_share_and_those_of_a_tenant_do() -> None:
    of = rates(Clock(), connection_messages=10.0, principal_messages=15.0, tenant_messages=20.0)
    one, two = metered(of, ADA), metered(of, ADA, "c_2")
    other, elsewhere = metered(of, BOB, "c_3"), metered(of, Principal("ada", "red"), "c_4")
    asked = [1] * 30
    assert [taken(meter, asked) for meter in (one, two, other, elsewhere)] == [10, 5, 5, 10]
    assert one.over([1]).limit == "rates.connection_messages"
    assert other.over([1] * 5).limit == "rates.tenant_messages"


def test_the_anonymous_share_a_tenant_only() -> None:
    of = rates(Clock(), principal_messages=5.0)
    assert [taken(metered(of, ANONYMOUS, name), [1] * 9) for name in ("c_1", "c_2")] == [5, 5]


def test_one_command_is_taken_from_all_or_from_none() -> None:
    clock = Clock()
    of = rates(clock, connection_commands=3.0, tenant_commands=4.0)
    one, two = metered(of, ADA), metered(of, BOB, "c_2")
    for _ in range(3):
        one.take("commands")
    with pytest.raises(LimitError, match=r"rates\.connection_commands") as refused:
        one.take("commands")
    assert refused.value.retry_after == pytest.approx(0.333)
    two.take("commands")
    with pytest.raises(LimitError, match=r"rates\.tenant_commands"):
        two.take("commands")
    one.take("direct")


def test_coming_back_gains_nothing_and_the_idle_are_forgotten() -> None:
    clock = Clock()
    of = rates(clock, principal_messages=10.0)
    meter = metered(of, ADA)
    assert taken(meter, [1] * 20) == 10
    of.release(meter)
    again = metered(of, ADA, "c_2")
    assert taken(again, [1] * 20) == 0
    of.release(again)
    clock.seconds += 100
    metered(of, Principal("eve", "red"))
    assert len(of) == 2


def test_a_share_in_use_is_kept_however_full() -> None:
    clock = Clock()
    of = rates(clock, tenant_messages=10.0)
    one = metered(of, ADA)
    clock.seconds += 100
    two = metered(of, BOB, "c_2")
    assert [taken(one, [1] * 10), taken(two, [1] * 10)] == [10, 0]
