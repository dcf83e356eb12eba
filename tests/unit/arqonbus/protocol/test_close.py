from __future__ import annotations

import pytest
from websockets.frames import EXTERNAL_CLOSE_CODES
from websockets.frames import CloseCode as Registered

from arqonbus.protocol.close import REASONS, CloseCode, may_resume


@pytest.mark.parametrize("code", CloseCode)
def test_every_code_has_a_reason_that_fits_a_close_frame(code: CloseCode) -> None:
    assert 0 < len(REASONS[code].encode()) <= 123


@pytest.mark.parametrize("code", CloseCode)
def test_only_codes_that_may_be_sent_are_used(code: CloseCode) -> None:
    assert int(code) in map(int, EXTERNAL_CLOSE_CODES) or 4000 <= code < 5000


def test_registered_codes_have_their_registered_numbers() -> None:
    other_names = {"NORMAL_CLOSURE": "NORMAL", "INVALID_DATA": "INVALID_TEXT"}
    registered = {other_names.get(code.name, code.name): int(code) for code in Registered}
    ours = {code.name: int(code) for code in CloseCode if code < 4000}
    assert ours.items() <= registered.items()


def test_the_bus_has_numbers_of_its_own_for_its_own_reasons() -> None:
    assert {code.name: int(code) for code in CloseCode if code >= 4000} == {
        "GOING_AWAY": 4000,
        "OUTBOX_OVERFLOW": 4001,
        "IDLE": 4002,
        "RATE_LIMITED": 4003,
        "UNAUTHENTICATED": 4100,
        "REVOKED": 4101,
    }


def test_a_peer_that_did_no_wrong_comes_back() -> None:
    resumed = [code for code in CloseCode if may_resume(code)]
    assert resumed == [
        CloseCode.INTERNAL_ERROR,
        CloseCode.GOING_AWAY,
        CloseCode.OUTBOX_OVERFLOW,
        CloseCode.IDLE,
        CloseCode.RATE_LIMITED,
    ]


def test_the_codes_that_resume_are_exactly_these() -> None:
    assert [code for code in range(6000) if may_resume(code)] == [
        *(1001, 1006, 1011, 1012, 1013),
        *range(4000, 4100),
    ]
