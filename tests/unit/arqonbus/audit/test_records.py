"""The canonical form, which others must be able to compute."""

from __future__ import annotations

import hashlib
import json

import pytest

from arqonbus.audit.records import GENESIS, Entry, block, canonical, digest, records_of, sealed


def test_a_record_is_hashed_as_the_page_says() -> None:
    """With nothing of ArqonBus': docs/audit.md gives this recipe."""
    entry = Entry(
        "refusal", "FORBIDDEN", 1_767_268_800_000_000, 1_767_268_800_500_000, 3, "acme", 'zoë\n/"',
        detail={"b": 1, "a": "x"},
    )  # fmt: skip
    record = sealed(entry, 7, GENESIS)
    rest = {name: value for name, value in record.items() if name != "hash"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert record["hash"] == hashlib.sha256(text.encode()).hexdigest()
    assert text == (
        '{"count":3,"detail":{"a":"x","b":1},"kind":"refusal","position":7,"prev":"'
        + GENESIS
        + '",'
        '"subject":"zoë\\n/\\"","tenant":"acme","time":"2026-01-01T12:00:00.000000Z",'
        '"until":"2026-01-01T12:00:00.500000Z","what":"FORBIDDEN"}'
    )


def test_what_is_empty_is_left_out() -> None:
    record = sealed(Entry("mode", "stop", 1), 1, GENESIS)
    assert set(record) == {"kind", "what", "time", "position", "prev", "hash"}


def test_a_block_holds_records_in_canonical_form() -> None:
    records = [sealed(Entry("mode", "stop", n), n, GENESIS) for n in (1, 2)]
    body = block(records)
    assert body == b"[" + b",".join(map(canonical, records)) + b"]"
    assert records_of(body) == records
    assert all(digest(one) == one["hash"] for one in records_of(body))


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"[1]", b"{}", b"[{}]", b'[{"position":"1","hash":"x"}]', b"\xff"]
)
def test_what_is_no_block_is_an_error(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - msgspec's and our own texts
        records_of(body)
