from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.arqonbus.protocol.reading import VALUES

from arqonbus.errors import ArqonBusError, ErrorCode
from arqonbus.protocol.values import MAX_DEPTH, check_portable

WRONG: list[object] = [
    math.nan,
    math.inf,
    -math.inf,
    2**64,
    -(2**63) - 1,
    b"bytes",
    (1, 2),
    {1: "x"},
    {None: "x"},
    {b"k": "x"},
    {1},
    datetime(2026, 1, 1, tzinfo=UTC),
]


@given(VALUES)
def test_json_values_are_portable(value: object) -> None:
    check_portable(value)


@pytest.mark.parametrize("value", [2**64 - 1, -(2**63), 5e-324, -0.0, "", [], {}, [[{"a": []}]]])
def test_the_last_values_inside_the_borders_are_portable(value: object) -> None:
    check_portable(value)


@given(wrong=st.sampled_from(WRONG), beside=VALUES, data=st.data())
def test_what_one_codec_can_not_carry_is_refused_however_deep(
    wrong: object, beside: object, data: st.DataObject
) -> None:
    value = wrong
    for _ in range(data.draw(st.integers(0, 5))):
        value = data.draw(
            st.sampled_from([[value], [beside, value], [value, beside], {"a": value, "b": beside}])
        )
    with pytest.raises(ArqonBusError) as refused:
        check_portable(value)
    assert refused.value.code is ErrorCode.VALIDATION_ERROR


@pytest.mark.parametrize("wrap", [lambda inner: [inner], lambda inner: {"k": inner}])
def test_depth_is_bounded_and_costs_no_stack(wrap: Callable[[object], object]) -> None:
    value: object = 1
    for _ in range(MAX_DEPTH):
        value = wrap(value)
    check_portable(value)
    for more in (1, 50_000):
        for _ in range(more):
            value = wrap(value)
        with pytest.raises(ArqonBusError, match="nested deeper than 128") as refused:
            check_portable(value)
        assert refused.value.code is ErrorCode.VALIDATION_ERROR
