"""The schedule against a sorted list."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from arqonbus.delayed.schedule import Item, Key, Schedule


@given(
    st.lists(st.tuples(st.integers(1, 9), st.sampled_from(["keep", "remove", "put back"]))),
    st.integers(0, 10),
)
def test_what_is_due_comes_in_the_order_of_time_and_arrival(
    asked: list[tuple[int, str]], now: int
) -> None:
    schedule, left = Schedule(), []
    for number, (at, what) in enumerate(asked, 1):
        item = Item(number, Key("r", "c", f"k{number}"), at, b"12")
        schedule.add(item)
        schedule.queue(item)
        if what == "remove":
            schedule.remove(item)
            continue
        left.append((at, number))
        if what == "put back":
            schedule.queue(item)
    assert (len(schedule), schedule.size) == (len(left), 2 * len(left))
    got = []
    while (due := schedule.pop(now)) is not None:
        assert due.busy
        got.append((due.at, due.number))
    assert got == sorted(entry for entry in left if entry[0] <= now)
    assert schedule.next_time() == min((at for at, _ in left if at > now), default=None)
