"""One reading of the clock serves a whole tick; ids follow its milliseconds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from arqonbus.bus.clock import rfc3339
from arqonbus.bus.ticks import Tick
from arqonbus.protocol import wire

NOON = 1_767_268_800_000_000


class Hands:
    """A clock set by hand that counts how often it was read."""

    def __init__(self, micros: int) -> None:
        self.micros = micros
        self.reads = 0

    def __call__(self) -> int:
        self.reads += 1
        return self.micros


def millisecond_of(message_id: bytes) -> int:
    """The first 48 bits of the UUID behind ``arq_``."""
    return int(message_id[4:].replace(b"-", b"")[:12], 16)


def test_a_tick_has_the_time_of_its_start() -> None:
    tick = Tick(Hands(NOON + 7))
    assert tick.micros == NOON + 7
    assert tick.text == b"2026-01-01T12:00:00.000007Z"
    assert tick.stamp == wire.stamp(tick.text)


def test_the_clock_is_read_once_a_tick_however_many_ids_are_minted() -> None:
    hands = Hands(NOON)
    tick = Tick(hands)
    hands.reads = 0
    tick.start()
    hands.micros += 5_000_000
    minted = [tick.mint() for _ in range(5000)]
    assert hands.reads == 1
    assert tick.micros == NOON
    assert sorted(set(minted)) == minted
    assert {millisecond_of(one) for one in minted} == {NOON // 1000}


@given(
    st.lists(
        st.sampled_from([0, 1, 999, 1000, 999_999, 1_000_000, -1, -1_000_000])
        | st.integers(-(10**10), 10**12),
        max_size=20,
    )
)
def test_time_text_stamp_and_ids_follow_the_clock_wherever_it_goes(moves: list[int]) -> None:
    hands = Hands(NOON)
    tick = Tick(hands)
    for move in moves:
        hands.micros += move
        tick.start()
        assert tick.micros == hands.micros
        assert tick.text == rfc3339(hands.micros).encode()
        assert tick.stamp == wire.stamp(tick.text)
        assert millisecond_of(tick.mint()) == hands.micros // 1000


def test_ids_go_on_growing_through_ticks_of_one_millisecond() -> None:
    hands = Hands(NOON)
    tick = Tick(hands)
    minted = []
    for micros in (0, 0, 1, 998, 999, 1000, 1001, 500_000):
        hands.micros = NOON + micros
        tick.start()
        minted += [tick.mint() for _ in range(3)]
    assert sorted(set(minted)) == minted
