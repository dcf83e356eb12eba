from __future__ import annotations

import pytest

from arqonbus.client import Backoff


def test_delays_double_up_to_the_limit() -> None:
    backoff = Backoff(first=1.0, factor=2.0, limit=10.0)
    assert [backoff.delay(n, lambda: 1.0) for n in range(6)] == [1, 2, 4, 8, 10, 10]


@pytest.mark.parametrize(("drawn", "expected"), [(0.0, 2.0), (0.5, 3.0), (1.0, 4.0)])
def test_half_of_a_delay_is_drawn(drawn: float, expected: float) -> None:
    assert Backoff(first=1.0).delay(2, lambda: drawn) == expected


def test_any_number_of_attempts_is_fine() -> None:
    assert Backoff(limit=7.0).delay(10**9, lambda: 1.0) == 7.0
