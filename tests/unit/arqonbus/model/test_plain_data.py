"""What is passed around can't be changed by whoever gets it."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from arqonbus.model.address import Address
from arqonbus.model.principal import ANONYMOUS, Principal
from arqonbus.model.stream import StreamInfo


def test_anonymous_is_marked_and_claims_nothing() -> None:
    assert (ANONYMOUS.subject, ANONYMOUS.tenant) == ("anonymous", "default")
    assert ANONYMOUS.anonymous
    assert dict(ANONYMOUS.claims) == {}


def test_a_subject_called_anonymous_is_not_the_anonymous_one() -> None:
    assert not Principal("anonymous").anonymous
    assert Principal("anonymous") != ANONYMOUS


def test_claims_that_were_left_out_can_not_be_added_to() -> None:
    claims: object = Principal("s").claims
    assert not hasattr(claims, "__setitem__")


@pytest.mark.parametrize("field", ["subject", "tenant", "claims", "anonymous"])
def test_a_principal_stays_who_it_is(field: str) -> None:
    with pytest.raises(FrozenInstanceError):
        setattr(Principal("s"), field, "other")


@pytest.mark.parametrize("field", ["address", "epoch", "first_seq", "last_seq", "size"])
def test_a_stream_info_is_a_snapshot(field: str) -> None:
    info = StreamInfo(Address("r", "c"), "e", 1, 0, 0, 0)
    with pytest.raises(FrozenInstanceError):
        setattr(info, field, 9)
    assert info == StreamInfo(Address("r", "c"), "e", 1, 0, 0, 0)
