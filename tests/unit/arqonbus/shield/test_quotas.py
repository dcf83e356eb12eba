"""Quotas: never more than allowed, all or nothing, and nothing is kept of who has nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arqonbus.errors import ErrorCode, LimitError
from arqonbus.model.principal import ANONYMOUS, Principal
from arqonbus.shield.quotas import Quota

ADA, BOB, EVE = Principal("ada", "blue"), Principal("bob", "blue"), Principal("ada", "red")


@given(st.lists(st.tuples(st.sampled_from([ADA, BOB, EVE]), st.integers(1, 4))))
def test_never_more_than_a_principal_or_a_tenant_may_have(
    asked: list[tuple[Principal, int]],
) -> None:
    quota = Quota("limits.joined", 5, 8)
    held: list[tuple[Principal, int]] = []
    for principal, count in asked:
        own = sum(n for who, n in held if who == principal)
        tenants = sum(n for who, n in held if who.tenant == principal.tenant)
        if own + count <= 5 and tenants + count <= 8:
            quota.take(principal, "c_1", count)
            held.append((principal, count))
        else:
            with pytest.raises(LimitError):
                quota.take(principal, "c_1", count)
    for principal, count in held:
        quota.give(principal, "c_1", count)
    assert len(quota) == 0


def test_the_setting_is_named() -> None:
    quota = Quota("limits.joined", 1, 2)
    quota.take(ADA, "c_1")
    with pytest.raises(LimitError, match=r"limits\.joined_per_principal") as refused:
        quota.take(ADA, "c_2")
    assert refused.value.code is ErrorCode.RATE_LIMITED
    quota.take(BOB, "c_3")
    with pytest.raises(LimitError, match=r"limits\.joined_per_tenant"):
        quota.take(Principal("carl", "blue"), "c_4")


def test_the_anonymous_are_principals_of_their_own() -> None:
    quota = Quota("limits.joined", 1, None)
    quota.take(ANONYMOUS, "c_1")
    quota.take(ANONYMOUS, "c_2")
    with pytest.raises(LimitError):
        quota.take(ANONYMOUS, "c_1")


def test_nothing_is_counted_where_nothing_is_limited() -> None:
    quota = Quota("limits.joined", None, None)
    quota.take(ADA, "c_1", 1_000_000)
    assert len(quota) == 0
