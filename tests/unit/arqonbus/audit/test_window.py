"""What a flood becomes: few records, in which every event is counted once."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.arqonbus.audit.lives import refusal

from arqonbus.audit import window as window_module
from arqonbus.audit.records import OWN
from arqonbus.audit.window import Window

EVENTS = st.tuples(
    st.sampled_from(["", "a", "b", "c", "d"]),
    st.sampled_from(["FORBIDDEN", "RATE_LIMITED"]),
    st.integers(0, 30),
)


def test_the_same_within_a_window_is_one_record_with_times_and_number() -> None:
    window = Window(10)
    for now in (5, 6, 9):
        window.add(refusal(tenant="a", subject="ann", address=f"::{now}"), now)
    window.add(refusal(tenant="a", subject="bob"), 7)
    ann, bob = window.close()
    assert (ann.count, ann.time, ann.until, ann.address) == (3, 5, 9, "::5")
    assert ann.detail == {"other_addresses": "::6 ::9"}
    assert (bob.count, bob.time, bob.until) == (1, 7, 0)
    assert not window
    assert window.close() == []


def test_many_addresses_are_named_in_part() -> None:
    window = Window(10)
    for n in range(100):
        window.add(refusal(address=f"h{n}"), n)
    (record,) = window.close()
    assert record.detail == {"other_addresses": "h1 h2 h3 h4 h5 h6 h7 h8 …"}


@given(st.lists(EVENTS, max_size=300), st.integers(4, 20))
def test_every_event_is_in_exactly_one_record_and_there_are_never_too_many(
    events: list[tuple[str, str, int]], most: int
) -> None:
    window = Window(most)
    for now, (tenant, what, subject) in enumerate(events, 1):
        window.add(refusal(what, tenant=tenant, subject=str(subject)), now)
    records = window.close()
    assert len(records) <= most
    assert sum(one.count for one in records) == len(events)
    for one in records:
        if one.kind == OWN:
            assert Counter(one.detail).total() == one.count


@given(st.integers(5, 2000), st.integers(4, 20))
def test_a_tenant_that_floods_takes_nothing_from_another(flood: int, most: int) -> None:
    window = Window(most)
    for n in range(flood):
        window.add(refusal(tenant="loud", subject=str(n)), 1)
    window.add(refusal(tenant="quiet", subject="one"), 2)
    records = window.close()
    quiet = [one for one in records if one.tenant == "quiet"]
    assert [(one.what, one.subject) for one in quiet] == [("FORBIDDEN", "one")]
    assert sum(one.count for one in records if one.tenant == "loud") == flood


def test_memory_is_bounded_by_keys_and_by_tenants(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window_module, "_MAX_KEYS", 50)
    monkeypatch.setattr(window_module, "_MAX_TENANTS", 20)
    window = Window(10)
    for n in range(1000):
        window.add(refusal(tenant=f"t{n % 40}", subject=str(n)), 1)
    assert sum(len(share.apart) for share in window._shares.values()) == 50
    assert len(window._shares) == 20
    records = window.close()
    assert len(records) <= 10
    assert sum(one.count for one in records) == 1000
