from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from arqonbus.storage.retention import Retention


def test_messages_are_kept_at_any_age_unless_an_age_is_given() -> None:
    assert Retention(5, 100).max_age is None
    assert Retention(5, 100, 2.5).max_age == 2.5


def test_the_bounds_come_in_the_order_messages_bytes() -> None:
    bounds = Retention(5, 100)
    assert (bounds.max_messages, bounds.max_bytes) == (5, 100)
    assert bounds == Retention(max_messages=5, max_bytes=100)


@pytest.mark.parametrize("field", ["max_messages", "max_bytes", "max_age"])
def test_the_bounds_of_a_store_do_not_change(field: str) -> None:
    with pytest.raises(FrozenInstanceError):
        setattr(Retention(5, 100), field, 1)
