from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from arqonbus.bus.clock import rfc3339, wall_clock

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
MICROS = st.integers(0, 253_402_300_799_999_999)  # to the end of the year 9999


@given(MICROS)
@example(0)
@example(1_767_268_800_000_006)
@example(253_402_300_799_999_999)
def test_a_time_is_written_to_the_microsecond_in_utc(micros: int) -> None:
    text = rfc3339(micros)
    assert len(text) == len("2026-01-02T03:04:05.000006Z")
    assert datetime.fromisoformat(text) - BEGINNING == timedelta(microseconds=micros)


def test_the_wall_clock_counts_microseconds() -> None:
    before = datetime.now(UTC) - BEGINNING
    micros = timedelta(microseconds=wall_clock())
    after = datetime.now(UTC) - BEGINNING
    slack = timedelta(minutes=1)
    assert before - slack <= micros <= after + slack
