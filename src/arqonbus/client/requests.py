"""Requests that wait for their answer, and what a lost connection means for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from arqonbus.client.errors import ClientError, InvalidArgumentError, RefusedError
from arqonbus.protocol.outbound import Ack, Error, Response

Answer = Ack | Response | Error
Lane = tuple[str, str]


@dataclass(slots=True, eq=False)
class Request:
    """One request. `answered` and `failed` are called at most once, in the frame's own turn, so
    that what a frame changes is in force before the next one is looked at.

    `resend`: a publish, which its id makes safe to repeat; others fail with the connection.
    `lane` is the channel whose order it must keep; `held` while it must not be sent, and `refused`
    why if it was sent before (see `Pacing`).
    """

    # What it holds is nobody's business: a token, for one.
    data: bytes = field(repr=False)
    answered: Callable[[Answer], None]
    failed: Callable[[ClientError], None]
    resend: bool
    sends: int = 0
    lane: Lane | None = None
    held: bool = False
    refused: RefusedError | None = None
    retries: int = 0


class Requests:
    """By request id, in the order they were made."""

    def __init__(self) -> None:
        self._waiting: dict[str, Request] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, request_id: str, request: Request) -> None:
        """Wait for the answer to `request_id`.

        Raises:
            InvalidArgumentError: another request with this id waits already.
        """
        if request_id in self._waiting:
            raise InvalidArgumentError(f"a request with id {request_id!r} is under way")
        self._waiting[request_id] = request

    def settle(self, answer: Answer) -> bool:
        """Give the answer to its request; False if none waits for it."""
        request = self._waiting.pop(answer.request_id or "", None)
        if request is None:
            return False
        request.answered(answer)
        return True

    def forget(self, request_id: str) -> None:
        """Nobody waits for this answer any more."""
        self._waiting.pop(request_id, None)

    def get(self, request_id: str | None) -> Request | None:
        """The request that waits for this answer."""
        return self._waiting.get(request_id or "")

    def of(self, lane: Lane | None) -> list[tuple[str, Request]]:
        """A channel's publishes that wait for their receipts, in the order they were made."""
        return [(name, one) for name, one in self._waiting.items() if one.lane == lane]

    def fail(self, request_id: str, error: ClientError) -> None:
        """This one will not be answered any more."""
        request = self._waiting.pop(request_id, None)
        if request is not None:
            request.failed(error)

    def keep(self, request_id: str | None) -> bool:
        """Whether this is a publish that the next connection will carry again."""
        request = self._waiting.get(request_id or "")
        return request is not None and request.resend

    def connection_lost(self, error: ClientError) -> None:
        """Fail what can't be repeated; publishes stay."""
        for request_id, request in tuple(self._waiting.items()):
            if not request.resend:
                del self._waiting[request_id]
                request.failed(error)

    def send_again(self, send: Callable[[bytes], None]) -> None:
        """Send all that stayed, in its first order."""
        for request in self._waiting.values():
            request.sends += 1
            send(request.data)

    def fail_all(self, error: ClientError) -> None:
        """Nothing will be answered any more."""
        waiting, self._waiting = self._waiting, {}
        for request in waiting.values():
            request.failed(error)


def refused(error: Error) -> RefusedError:
    """An error envelope as an exception."""
    payload = error.payload or {}
    after = payload.get("retry_after")
    return RefusedError(
        error.error_code,
        error.error,
        retryable=bool(payload.get("retryable")),
        retry_after=float(after) if isinstance(after, int | float) and after >= 0 else None,
    )
