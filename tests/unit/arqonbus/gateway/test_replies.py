from __future__ import annotations

import pytest

from arqonbus.errors import ArqonBusError, ErrorCode, StorageError
from arqonbus.gateway.replies import error_frame, internal


@pytest.mark.parametrize(
    ("error", "code", "retryable"),
    [
        (ArqonBusError(ErrorCode.NOT_FOUND, "no such thing"), "NOT_FOUND", False),
        (
            ArqonBusError(ErrorCode.RATE_LIMITED, "no such thing", retryable=True),
            "RATE_LIMITED",
            True,
        ),
        (StorageError("no such thing"), "STORAGE_UNAVAILABLE", True),
    ],
)
def test_an_error_says_what_and_whether_to_try_again(
    error: ArqonBusError, code: str, retryable: bool
) -> None:
    frame = error_frame(error, "m1", frame_id="f1", timestamp="t1")
    assert (frame.error, frame.error_code, frame.status) == ("no such thing", code, "error")
    assert frame.payload == {"retryable": retryable}
    assert (frame.version, frame.id, frame.timestamp, frame.request_id) == ("1.0", "f1", "t1", "m1")


def test_without_a_request_id_none_is_told() -> None:
    assert error_frame(internal(), None, frame_id="f", timestamp="t").request_id is None


def test_internal_says_that_and_no_more() -> None:
    error = internal()
    assert (error.code, error.retryable) == (ErrorCode.INTERNAL, False)
    assert error.message == "internal error; the server has logged it"
