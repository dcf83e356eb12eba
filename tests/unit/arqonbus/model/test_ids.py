"""Ids are what the RFC says, grow, and are accepted by exactly one rule."""

from __future__ import annotations

import re
import string
import uuid
from itertools import islice, pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from arqonbus.model.ids import is_id, message_ids, new_client_id, new_epoch

ALLOWED = frozenset(string.ascii_letters + string.digits + "_.:-")
TIMES = st.integers(0, 2**48 - 1)


def uuid_of(message_id: bytes) -> uuid.UUID:
    head, _, rest = message_id.decode().partition("_")
    assert head == "arq"
    return uuid.UUID(rest)


@given(TIMES)
def test_a_message_id_is_a_version_7_uuid_of_its_millisecond(unix_ms: int) -> None:
    minted = next(message_ids(unix_ms))
    found = uuid_of(minted)
    assert minted.decode() == f"arq_{found}"
    assert (found.version, found.variant) == (7, uuid.RFC_4122)
    assert found.int >> 80 == unix_ms


@given(TIMES)
def test_ids_of_one_millisecond_grow_beyond_the_three_digits_that_count(unix_ms: int) -> None:
    minted = list(islice(message_ids(unix_ms), 3 * 4096))
    assert all(before < after for before, after in pairwise(minted))
    numbers = [uuid_of(one).int for one in (minted[0], minted[4095], minted[4096], minted[-1])]
    assert [number - numbers[0] for number in numbers] == [0, 4095, 4096, 3 * 4096 - 1]


def test_ids_of_a_later_millisecond_come_later() -> None:
    earlier, later = islice(message_ids(41), 5000), next(message_ids(42))
    assert all(one < later for one in earlier)


def test_two_mints_of_one_millisecond_share_nothing() -> None:
    starts = {next(message_ids(7)) for _ in range(50)}
    assert len(starts) == 50


def test_the_random_bits_are_not_always_the_same_ones() -> None:
    numbers = [uuid_of(next(message_ids(0))).int for _ in range(200)]
    ever, always = 0, 2**128 - 1
    for number in numbers:
        ever, always = ever | number, always & number
    changing = ever & ~always
    # 12 bits of rand_a, 14 of rand_b beside the variant, and 35 of the counter (its top bit is 0).
    assert changing == (0xFFF << 64) | (0x3FFF << 48) | ((2**35 - 1) << 12)


@given(st.text(st.sampled_from(sorted(ALLOWED)), max_size=70) | st.text(max_size=70))
@example("a" * 64)
@example("a" * 65)
@example("")
@example("fine\n")
@example("٣")
def test_a_client_may_use_short_ids_of_plain_characters(text: str) -> None:
    assert is_id(text) == (1 <= len(text) <= 64 and ALLOWED.issuperset(text))


def test_minted_ids_may_be_used_by_clients() -> None:
    assert is_id(next(message_ids(1_767_268_800_000)).decode())
    assert is_id(new_client_id())


def test_epochs_and_client_ids_are_random_hex() -> None:
    epochs = {new_epoch() for _ in range(50)}
    clients = {new_client_id() for _ in range(50)}
    assert (len(epochs), len(clients)) == (50, 50)
    assert all(re.fullmatch(r"[0-9a-f]{10}", epoch) for epoch in epochs)
    assert all(re.fullmatch(r"c_[0-9a-f]{12}", client) for client in clients)
