from __future__ import annotations

import pytest
from websockets.frames import EXTERNAL_CLOSE_CODES

from arqonbus.protocol.close import REASONS, CloseCode, may_resume


@pytest.mark.parametrize("code", CloseCode)
def test_every_code_has_a_reason_that_fits_a_close_frame(code: CloseCode) -> None:
    assert 0 < len(REASONS[code].encode()) <= 123


@pytest.mark.parametrize("code", CloseCode)
def test_only_codes_that_may_be_sent_are_used(code: CloseCode) -> None:
    assert int(code) in map(int, EXTERNAL_CLOSE_CODES) or 4000 <= code < 5000


def test_a_peer_that_did_no_wrong_comes_back() -> None:
    resumed = [code for code in CloseCode if may_resume(code)]
    assert resumed == [
        CloseCode.INTERNAL_ERROR,
        CloseCode.GOING_AWAY,
        CloseCode.OUTBOX_OVERFLOW,
        CloseCode.IDLE,
    ]


def test_the_codes_that_resume_are_exactly_these() -> None:
    assert [code for code in range(6000) if may_resume(code)] == [
        *(1001, 1006, 1011, 1012, 1013),
        *range(4000, 4100),
    ]
