"""Token buckets: never more than the rate and the burst allow, never less either."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arqonbus.shield.buckets import Buckets, TokenBucket

RATES = st.floats(0.1, 1000)
BURSTS = st.floats(1, 1000)
STEPS = st.lists(st.tuples(st.floats(-10, 100), st.floats(0.1, 2000)), max_size=60)


@given(RATES, BURSTS, STEPS)
def test_never_more_than_rate_and_burst(
    rate: float, burst: float, steps: list[tuple[float, float]]
) -> None:
    bucket, now, latest, taken, largest = TokenBucket(rate, burst, 0.0), 0.0, 0.0, 0.0, 0.0
    for pause, amount in steps:
        now += pause  # the clock may jump back
        latest = max(latest, now)
        if bucket.take(now, amount) == 0.0:
            taken += amount
            largest = max(largest, amount)
        assert taken <= (burst + rate * latest + max(0.0, largest - burst)) * (1 + 1e-9)


@given(RATES, BURSTS, STEPS)
def test_after_the_wait_it_is_there(
    rate: float, burst: float, steps: list[tuple[float, float]]
) -> None:
    bucket, now = TokenBucket(rate, burst, 0.0), 0.0
    for pause, amount in steps:
        now += abs(pause)
        wait = bucket.take(now, amount)
        if wait > 0.0:
            now += wait * (1 + 1e-9) + 1e-6
            assert bucket.take(now, amount) == 0.0


def test_a_burst_then_the_rate() -> None:
    bucket = TokenBucket(2.0, 3.0, 100.0)
    assert [bucket.take(100.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    assert bucket.take(100.5) == 0.0
    assert bucket.take(100.5) == 0.5
    assert bucket.full(102.0)


def test_asking_takes_nothing() -> None:
    bucket = TokenBucket(1.0, 1.0, 0.0)
    assert bucket.wait(0.0) == 0.0
    assert bucket.take(0.0) == 0.0
    assert bucket.wait(0.0) == 1.0


def test_more_than_a_full_bucket_is_lent_once() -> None:
    bucket = TokenBucket(1.0, 10.0, 0.0)
    assert bucket.take(0.0, 25.0) == 0.0
    assert bucket.take(0.0, 1.0) == pytest.approx(16.0)


def test_a_clock_that_jumps_back_gives_nothing_twice() -> None:
    bucket = TokenBucket(1.0, 5.0, 100.0)
    assert bucket.take(100.0, 5.0) == 0.0
    assert bucket.take(50.0) == 1.0
    assert bucket.take(100.0) == 1.0


def test_each_key_has_its_own() -> None:
    buckets = Buckets(1.0, 1.0, 10)
    assert [buckets.take(key, 0.0) for key in ("a", "b", "a")] == [0.0, 0.0, 1.0]
    assert buckets.wait("b", 0.0) == 1.0
    assert buckets.wait("c", 0.0) == 0.0
    assert len(buckets) == 2


@given(st.lists(st.tuples(st.integers(0, 40), st.floats(0, 3)), max_size=200))
def test_keys_never_take_more_memory_than_allowed(steps: list[tuple[int, float]]) -> None:
    buckets, now = Buckets(1.0, 2.0, 8), 0.0
    for key, pause in steps:
        now += pause
        buckets.take(key, now)
        assert len(buckets) <= 8


def test_made_up_keys_share_what_is_left() -> None:
    buckets = Buckets(0.001, 1.0, 4)
    assert [buckets.take(key, 0.0) for key in range(5)] == [0.0] * 5
    assert all(buckets.take(key, 0.0) > 0 for key in range(5, 100))
    assert buckets.wait("new", 0.0) > 0


def test_full_buckets_make_room() -> None:
    buckets = Buckets(1.0, 1.0, 4)
    for key in range(4):
        buckets.take(key, 0.0)
    assert buckets.take("late", 5.0) == 0.0
    assert buckets.take("later", 5.0) == 0.0
    assert len(buckets) == 2
