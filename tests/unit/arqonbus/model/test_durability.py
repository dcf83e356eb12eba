from __future__ import annotations

import pytest

from arqonbus.model.durability import Durability


def test_levels_are_ordered_by_what_they_survive() -> None:
    names = [level.wire for level in sorted(Durability)]
    assert names == ["memory", "remote", "disk", "replicated"]


@pytest.mark.parametrize("level", Durability)
def test_a_level_is_found_by_its_wire_name(level: Durability) -> None:
    assert Durability.from_wire(level.wire) is level


@pytest.mark.parametrize("name", ["", "DISK", "disc", "3"])
def test_no_other_name_is_a_level(name: str) -> None:
    with pytest.raises(KeyError):
        Durability.from_wire(name)
