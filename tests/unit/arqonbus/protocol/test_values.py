from __future__ import annotations

import json
import math
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.arqonbus.protocol.reading import VALUES

from arqonbus.errors import ArqonBusError, ErrorCode
from arqonbus.protocol.json_codec import JsonCodec
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


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"a":2}',
        '{ "a": 1, "b": {"x": [], "x": 2} }',
        '[{"a":"\\u003a","a":1}]',
        '{"a":1,"\\u0061":":"}',
        '{"a":' + "[" * 900 + "]" * 900 + ',"a":1}',
    ],
)
def test_an_object_that_names_a_member_twice_is_refused(text: str) -> None:
    with pytest.raises(ArqonBusError, match=r"twice|recursion"):
        JsonCodec().value_json(msgspec.Raw(text.encode()))


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"b":2}',
        '{ "a" : ":" , "b" : {"a": "at 12:00:00"} }',
        '[{"a":"\\u003a"},{"a":"\\n"}]',
        '{"a": 1E2, "A": 1, "\\u00e1": 1, "a\\u0301": 1}',
    ],
)
def test_names_that_only_look_alike_are_different_ones(text: str) -> None:
    assert JsonCodec().value_json(msgspec.Raw(text.encode())) == text.encode()


@given(
    st.recursive(
        st.integers(-9, 9) | st.text('a:"\\', max_size=3),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.lists(st.tuples(st.text("ab:\\", max_size=1), inner), max_size=3).map(tuple)
        ),
        max_leaves=8,
    ),
    st.sampled_from([(",", ":"), (" , ", " : ")]),
)
def test_a_name_is_found_twice_where_and_only_where_it_is(
    value: object, separators: tuple[str, str]
) -> None:
    text, twice = _written(value, *separators)
    codec, raw = JsonCodec(), msgspec.Raw(text.encode())
    if twice:
        with pytest.raises(ArqonBusError, match="twice"):
            codec.value_json(raw)
    else:
        assert codec.value_json(raw) == text.encode()


def _written(value: object, comma: str, colon: str) -> tuple[str, bool]:
    """JSON of a value whose objects are tuples of pairs, and whether one has a name twice."""
    if isinstance(value, list):
        parts = [_written(one, comma, colon) for one in value]
        return f"[{comma.join(text for text, _ in parts)}]", any(twice for _, twice in parts)
    if not isinstance(value, tuple):
        return json.dumps(value), False
    parts = [_written(one, comma, colon) for _, one in value]
    members = [
        f"{json.dumps(name)}{colon}{text}"
        for (name, _), (text, _) in zip(value, parts, strict=True)
    ]
    own = len({name for name, _ in value}) < len(value)
    return f"{{{comma.join(members)}}}", own or any(twice for _, twice in parts)
