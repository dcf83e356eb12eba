"""Ranges against a plain set."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from arqonbus.groups.ranges import Ranges

RUNS = st.lists(st.tuples(st.integers(1, 40), st.integers(0, 5)), max_size=20)


@given(RUNS, st.integers(0, 10))
def test_it_holds_what_a_set_would_in_as_few_runs_as_there_are(
    runs: list[tuple[int, int]], floor: int
) -> None:
    ranges, plain = Ranges(), set[int]()
    for first, more in runs:
        ranges.add(first, first + more)
        plain.update(range(first, first + more + 1))
    assert {seq for seq in range(60) if seq in ranges} == plain
    held = list(ranges)
    assert all(b[0] > a[1] + 1 for a, b in itertools.pairwise(held))
    assert list(Ranges(held)) == held
    end = floor
    while end + 1 in plain:
        end += 1
    if min(plain, default=99) > floor:
        assert ranges.take_run_after(floor) == end
        assert {seq for seq in range(60) if seq in ranges} == {seq for seq in plain if seq > end}
