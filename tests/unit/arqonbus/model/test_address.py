from __future__ import annotations

import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from arqonbus.errors import ArqonBusError, ErrorCode
from arqonbus.model.address import SYSTEM_ROOM, Address, check_address

FIRST = frozenset(string.ascii_letters + string.digits + "_")
ALLOWED = FIRST | frozenset(".-")
NAMES = st.text(st.sampled_from(sorted(ALLOWED)), max_size=130) | st.text(max_size=10)


def allowed(name: str) -> bool:
    return 1 <= len(name) <= 128 and name[0] in FIRST and ALLOWED.issuperset(name)


@given(NAMES)
@example("a" * 128)
@example("a" * 129)
@example("name\n")
@example(".hidden")
@example("-flag")
@example("_a.b-c")
@example("Ä")
def test_names_are_taken_by_the_rule_or_refused_by_field(name: str) -> None:
    if allowed(name):
        assert check_address("default", name, name) == Address(name, name)
        return
    for room, channel, field in ((name, "c", "room"), ("r", name, "channel")):
        with pytest.raises(ArqonBusError) as refused:
            check_address("default", room, channel)
        assert refused.value.code is ErrorCode.VALIDATION_ERROR
        assert refused.value.message.startswith(f"{field}: ")


def test_an_address_is_the_pair_of_its_names() -> None:
    address = check_address("default", "room", "channel")
    assert address == ("room", "channel")
    assert hash(address) == hash(("room", "channel"))
    assert str(address) == "room:channel"


def test_a_tenants_rooms_are_no_others() -> None:
    own = check_address("acme", "room", "channel")
    assert own == ("acme/room", "channel")
    assert (own.tenant, own.name, str(own)) == ("acme", "room", "room:channel")
    assert own != check_address("default", "room", "channel")
    assert check_address("default", "room", "channel").tenant == "default"


@given(NAMES, NAMES, NAMES, NAMES)
def test_no_two_spellings_meet(tenant: str, room: str, other: str, elsewhere: str) -> None:
    if all(map(allowed, (tenant, room, other, elsewhere))) and SYSTEM_ROOM not in {room, elsewhere}:
        same = check_address(tenant, room, "c") == check_address(other, elsewhere, "c")
        assert same == ((tenant, room) == (other, elsewhere))


@pytest.mark.parametrize("tenant", ["default", "acme"])
def test_the_bus_own_room_is_nobodys(tenant: str) -> None:
    with pytest.raises(ArqonBusError, match="the bus' own"):
        check_address(tenant, SYSTEM_ROOM, "groups")
