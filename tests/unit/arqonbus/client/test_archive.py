"""The file format: whatever is changed in a file is found."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arqonbus.client.archive import ArchiveError, ArchiveReader, ArchiveWriter, Header, Record

HEADER = Header(room="r", channel="c", epoch="e", first_seq=5, complete="truncated")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


def record(seq: int, payload: object = "x") -> Record:
    return Record(seq=seq, id=f"m{seq}", timestamp="t", sender="s", payload=payload)


def archive(*payloads: object) -> bytes:
    out = io.BytesIO()
    writer = ArchiveWriter(out, HEADER)
    for seq, payload in enumerate(payloads, HEADER.first_seq):
        writer.write(record(seq, payload))
    writer.finish()
    return out.getvalue()


def read(data: bytes) -> list[Record]:
    return list(ArchiveReader(io.BytesIO(data)))


@given(st.lists(JSON, max_size=5))
def test_what_was_written_is_read(payloads: list[object]) -> None:
    reader = ArchiveReader(io.BytesIO(archive(*payloads)))
    assert [(r.seq, r.payload) for r in reader] == list(enumerate(payloads, 5))
    assert reader.header == HEADER
    assert reader.end is not None
    assert (reader.end.messages, reader.end.last_seq) == (len(payloads), 4 + len(payloads))


@given(st.data())
def test_any_changed_byte_is_found(data: st.DataObject) -> None:
    whole = archive("a", {"b": 1}, [2])
    at = data.draw(st.integers(0, len(whole) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != whole[at]))
    with pytest.raises(ArchiveError):
        read(whole[:at] + bytes([other]) + whole[at + 1 :])


@given(st.data())
def test_any_line_left_out_doubled_or_moved_is_found(data: st.DataObject) -> None:
    lines = archive("a", "b", "c", "d").splitlines(keepends=True)
    at = data.draw(st.integers(0, len(lines) - 1))
    to = data.draw(st.integers(0, len(lines) - 1).filter(lambda index: index != at))
    moved = lines[:at] + lines[at + 1 :]
    moved.insert(to, lines[at])
    for changed in (lines[:at] + lines[at + 1 :], [*lines[: at + 1], *lines[at:]], moved):
        with pytest.raises(ArchiveError):
            read(b"".join(changed))


@given(st.integers(0))
def test_a_file_cut_short_is_found(at: int) -> None:
    whole = archive("a", "b")
    with pytest.raises(ArchiveError):
        read(whole[: at % len(whole)])


def test_a_position_out_of_order_is_not_written() -> None:
    writer = ArchiveWriter(io.BytesIO(), HEADER)
    writer.write(record(5))
    with pytest.raises(ArchiveError, match="position 7 where 6 belongs"):
        writer.write(record(7))


def test_where_it_broke_is_told() -> None:
    lines = archive("a", "b", "c").splitlines(keepends=True)
    lines[2] = lines[2].replace(b'"b"', b'"B"')
    with pytest.raises(ArchiveError, match="line 3: the hash chain breaks at position 6") as broken:
        read(b"".join(lines))
    assert broken.value.line == 3
