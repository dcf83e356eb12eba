"""From errors to envelopes: the only mapping, so that nothing internal can leak anywhere else."""

from __future__ import annotations

from arqonbus.errors import ArqonBusError, ErrorCode
from arqonbus.protocol import VERSION
from arqonbus.protocol.outbound import Error


def error_frame(
    error: ArqonBusError, request_id: str | None, *, frame_id: str, timestamp: str
) -> Error:
    """The envelope of a refusal."""
    payload: dict[str, object] = {"retryable": error.retryable}
    if error.retry_after is not None:
        payload["retry_after"] = error.retry_after
    return Error(
        version=VERSION,
        id=frame_id,
        timestamp=timestamp,
        request_id=request_id,
        status="error",
        error=error.message,
        error_code=error.code.value,
        payload=payload,
    )


def internal() -> ArqonBusError:
    """What a peer is told of a defect: that there was one, and nothing else."""
    return ArqonBusError(ErrorCode.INTERNAL, "internal error; the server has logged it")
