"""Any single change of an export is found, and the first record that is broken is named."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.arqonbus.audit.exports import chain, entries, exported, header_of

from arqonbus.audit.reading import verify
from arqonbus.audit.records import BEGIN, GENESIS, OWN, Entry, canonical, digest
from arqonbus.audit.verify import Break

RECORDS = chain(entries(12))
# Two chains in one stream: the second one begun without knowing the first.
AWAY = Entry(OWN, BEGIN, 1, detail={"why": "the store is away"})
TWO = [*chain(entries(6)), *chain([AWAY, *entries(5, begin=False)])]
NAMES = st.sampled_from(["kind", "what", "time", "tenant", "subject", "prev", "hash", "position"])


def found(file: bytes, head: str | None = None) -> Break | None:
    return verify(io.BytesIO(file), head).broken


def how(records: list[dict[str, Any]]) -> tuple[int, str] | None:
    """What is found in a file in which everything but the records was kept or made to fit."""
    broken = found(exported(records, header_of(RECORDS)))
    return None if broken is None else (broken.line, broken.how)


def test_a_whole_export_is_intact_and_told() -> None:
    result = verify(io.BytesIO(exported(RECORDS)), RECORDS[-1]["hash"])
    assert result.broken is None
    assert result.checked.records == 12
    assert (result.checked.first, result.checked.last) == (1, 12)
    assert (result.checked.anchor, result.checked.head) == (GENESIS, RECORDS[-1]["hash"])
    assert result.checked.begins == []


def test_each_kind_of_break_is_named_with_its_line() -> None:
    changed = [*RECORDS[:4], {**RECORDS[4], "subject": "somebody else"}, *RECORDS[5:]]
    assert how(changed) == (6, "changed")
    resealed = {**RECORDS[4], "subject": "somebody else"}
    resealed["hash"] = digest(resealed)
    assert how([*RECORDS[:4], resealed, *RECORDS[5:]]) == (7, "changed")
    assert how([*RECORDS[:4], *RECORDS[5:]]) == (6, "missing")
    assert how([*RECORDS[:3], RECORDS[4], RECORDS[3], *RECORDS[5:]]) == (5, "reordered")
    assert how([*RECORDS[:5], RECORDS[2], *RECORDS[5:]]) == (7, "inserted")
    assert how(RECORDS[1:]) == (2, "missing")
    forged = chain([Entry("refusal", "FORBIDDEN", 1)], 6, RECORDS[4]["hash"])
    assert how([*RECORDS[:5], *forged, *RECORDS[5:]]) == (8, "inserted")


def test_a_file_that_was_cut_off_is_found_and_one_made_to_fit_by_the_head() -> None:
    whole = exported(RECORDS)
    lines = whole.splitlines(keepends=True)
    for cut in (b"".join(lines[:-1]), b"".join(lines[:-2]), whole[:-1], whole[:-100]):
        broken = found(cut)
        assert broken is not None
        assert broken.how == "truncated"
    shorter = exported(RECORDS[:-2])
    assert found(shorter) is None
    broken = found(shorter, RECORDS[-1]["hash"])
    assert broken is not None
    assert broken.how == "truncated"


@given(st.data())
def test_any_changed_byte_is_found(data: st.DataObject) -> None:
    whole = exported(data.draw(st.sampled_from([RECORDS, TWO])))
    at = data.draw(st.integers(0, len(whole) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != whole[at]))
    assert found(whole[:at] + bytes([byte]) + whole[at + 1 :]) is not None


@given(st.data())
def test_any_line_that_is_removed_doubled_or_moved_is_found(data: st.DataObject) -> None:
    lines = exported(data.draw(st.sampled_from([RECORDS, TWO]))).splitlines(keepends=True)
    at = data.draw(st.integers(0, len(lines) - 1))
    to = data.draw(st.integers(0, len(lines) - 1))
    removed = lines[:at] + lines[at + 1 :]
    doubled = [*lines[:to], lines[at], *lines[to:]]
    swapped = lines.copy()
    swapped[at], swapped[to] = swapped[to], swapped[at]
    assert found(b"".join(removed)) is not None
    assert found(b"".join(doubled)) is not None
    assert at == to or found(b"".join(swapped)) is not None


@given(st.data())
def test_one_change_of_the_chain_is_found_though_everything_else_is_made_to_fit(
    data: st.DataObject,
) -> None:
    """Whoever changes a record may also write its hash, the header, the end and the sum anew."""
    at = data.draw(st.integers(0, len(RECORDS) - 2))
    name = data.draw(NAMES)
    value = data.draw(st.integers(0, 99) if name == "position" else st.text(max_size=9))
    changed = {**RECORDS[at], name: value}
    if data.draw(st.booleans()):
        changed["hash"] = digest(changed)
    if changed == RECORDS[at]:
        return
    records = [*RECORDS[:at], changed, *RECORDS[at + 1 :]]
    assert found(exported(records, header_of(RECORDS))) is not None


@given(st.data())
def test_records_in_any_other_order_are_found(data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(RECORDS))))
    records = [RECORDS[at] for at in order]
    assert (found(exported(records)) is None) == (records == RECORDS)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}\n",
        b"[]\n",
        b"nonsense\n",
        b"\xff\xfe\n",
        b'{"a":' * 5000 + b"\n",
        b'{"position":1e999}\n',
        b'{"position":' + b"9" * 400 + b"}\n",
        b'{"hash":"x","position":1,"position":2}\n',
        canonical({**RECORDS[0], "detail": "text"}) + b"\n",
        canonical({**RECORDS[0], "position": True}) + b"\n",
        canonical({**RECORDS[0], "position": "1"}) + b"\n",
        canonical(RECORDS[0]).replace(b":", b": ", 1) + b"\n",
    ],
)
def test_what_is_no_record_is_broken_and_no_crash(line: bytes) -> None:
    lines = exported(RECORDS).splitlines(keepends=True)
    assert found(b"".join([lines[0], line, *lines[2:]])) is not None
    assert found(line + b"".join(lines[1:])) is not None


def test_a_record_with_a_member_twice_is_not_canonical() -> None:
    """Readers differ in which one they take, so one of them could be shown something else."""
    lines = exported(RECORDS).splitlines(keepends=True)
    lines[3] = lines[3].replace(b'{"', b'{"subject":"innocent","', 1)
    broken = found(b"".join(lines))
    assert broken == Break(4, "changed", "not a record in its canonical form")


def test_a_new_chain_is_told_and_must_fit_the_end_that_it_names() -> None:
    old = chain(entries(5))
    named = {"why": "the stream was lost", "old_head": old[4]["hash"], "old_position": 5}
    new = chain([Entry(OWN, BEGIN, 1, detail=named), *entries(3, begin=False)], 6)
    result = verify(io.BytesIO(exported(old[:3] + new)))
    assert result.broken is None
    assert result.checked.begins == [{"position": 6, **named}]
    assert found(exported(old + new)) is None
    other = chain([*entries(4), Entry("admin", "revoke", 9)])
    broken = found(exported(other + new))
    assert broken is not None
    assert (broken.line, broken.how) == (7, "inserted")


def test_an_export_that_begins_later_is_intact_and_says_what_it_builds_on() -> None:
    pruned = Entry(OWN, "pruned", 1, detail={"through": 4, "hash": RECORDS[3]["hash"]})
    records = [*RECORDS[4:], *chain([pruned], 13, RECORDS[-1]["hash"])]
    result = verify(io.BytesIO(exported(records)))
    assert result.broken is None
    assert result.checked.anchor in result.checked.pruned


def test_control_characters_break_no_line() -> None:
    nasty = 'a\n\r\x00\x1b[2J\u2028b"}\\'
    records = chain([Entry("refusal", "FORBIDDEN", 1, subject=nasty)])
    file = exported(records)
    assert file.count(b"\n") == 3
    assert b"\x1b" not in file
    assert found(file) is None
