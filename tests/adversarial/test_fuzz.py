"""Whatever bytes come, in both codecs: an answer of the protocol, never INTERNAL, nothing to other
tenants, books that balance, and a session that goes on. `scripts/fuzz` does the same for hours.
"""

from __future__ import annotations

import json
import os
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.hostile import Attacked
from support.whole_bus import Frame

EXAMPLES = int(os.environ.get("ARQONBUS_TEST_EXAMPLES", "0"))
ODD: list[Any] = [
    None,
    True,
    -1,
    0,
    2**63,
    2**64 - 1,
    -(2**63),
    1e308,
    -0.0,
    5e-324,
    "",
    "\0",
    "r\0",
    "\ufeffr",
    "r\u200b",
    "\u0440",
    "\U0001f600",
    "a/r",
    "../r",
    "_arqonbus",
    "x" * 129,
    "alice\0m1",
    "9999-12-31T23:59:59.999999Z",
    "0001-01-01T00:00:00Z",
    "2026-06-30T23:59:60Z",
    [],
    [[]],
    {},
    {"": {}},
    {"__proto__": 1},
]
VALUES = st.one_of(
    st.sampled_from(ODD),
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**64 - 1)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
        max_leaves=8,
    ),
)
# How a valid frame of some number is changed: a field of it (or of its args) gets another value.
CHANGES = st.tuples(st.integers(0, 200), st.integers(0, 20), st.booleans(), VALUES)
CUTS = st.tuples(
    st.integers(0, 200), st.integers(0, 300), st.integers(0, 300), st.binary(max_size=6)
)


def changed(frame: Frame, field: int, value: Any, *, drop: bool) -> Frame:
    """The frame with one field less, or with another value in it."""
    inner = frame.get("args")
    places = [(frame, name) for name in frame]
    if isinstance(inner, dict):
        inner = dict(inner)
        frame = {**frame, "args": inner}
        places = [(frame, name) for name in frame] + [(inner, name) for name in inner]
    else:
        frame = dict(frame)
        places = [(frame, name) for name in frame]
    whole, name = places[field % len(places)]
    if drop:
        del whole[name]
    else:
        whole[name] = value
    return frame


def encoded(frame: Frame, *, binary: bool) -> bytes:
    if binary:
        return msgspec.msgpack.encode(frame)
    # Surrogates are escaped as they are: what Python can write, a client can.
    return json.dumps(frame).encode()


in_both_codecs = pytest.mark.parametrize("binary", [False, True], ids=["json", "msgpack"])


@in_both_codecs
@settings(max_examples=EXAMPLES or 60)
@given(data=st.lists(st.binary(max_size=40), min_size=1, max_size=5))
async def test_any_bytes(*, binary: bool, data: list[bytes]) -> None:
    async with Attacked() as bus:
        for one in data:
            await bus.take(one, binary=binary)


@in_both_codecs
@settings(max_examples=EXAMPLES or 60)
@given(changes=st.lists(CHANGES, min_size=4, max_size=12))
async def test_frames_of_the_right_shape_with_wrong_values(
    *, binary: bool, changes: list[tuple[int, int, bool, Any]]
) -> None:
    async with Attacked() as bus:
        valid = bus.valid()
        for which, field, drop, value in changes:
            frame = changed(valid[which % len(valid)], field, value, drop=drop)
            await bus.take(encoded(frame, binary=binary), binary=binary)


@in_both_codecs
@settings(max_examples=EXAMPLES or 60)
@given(cuts=st.lists(CUTS, min_size=4, max_size=12))
async def test_valid_frames_with_bytes_taken_out_and_put_in(
    *, binary: bool, cuts: list[tuple[int, int, int, bytes]]
) -> None:
    async with Attacked() as bus:
        valid = bus.valid()
        for which, start, end, between in cuts:
            data = encoded(valid[which % len(valid)], binary=binary)
            await bus.take(data[:start] + between + data[end:], binary=binary)


@in_both_codecs
async def test_every_valid_frame_is_taken_or_refused_with_a_reason(*, binary: bool) -> None:
    async with Attacked() as bus:
        for frame in bus.valid():
            got = await bus.take(encoded(frame, binary=binary), binary=binary)
            assert got or frame.get("qos") == 0 or frame["type"] == "response", frame
