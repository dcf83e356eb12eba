"""Publishes that a rate refused: sent again when they can be taken, in their channel's order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from arqonbus.client.requests import Lane, Request, Requests, refused
from arqonbus.errors import ErrorCode
from arqonbus.protocol import outbound


class Pacing:
    """Holds back what was refused, and what comes behind it in its channel.

    The server may have taken later publishes of the channel meanwhile. Then what it refused is
    refused to the program: sent again, it would stand behind them.
    """

    def __init__(
        self, requests: Requests, retries: int, longest: float, send: Callable[[Request], None]
    ) -> None:
        self._requests = requests
        self._retries = retries
        # Nobody waits longer for a receipt.
        self._longest = longest
        self._send = send
        self._timers: dict[Lane, asyncio.TimerHandle] = {}
        self._due: set[Lane] = set()

    def holds(self, request: Request) -> bool:
        """Whether a new request waits behind others of its channel."""
        request.held = request.lane is not None and (
            request.lane in self._timers or request.lane in self._due
        )
        return request.held

    def refused(self, frame: outbound.Error) -> bool:
        """Whether what this error refuses will be sent again."""
        request, error = self._requests.get(frame.request_id), refused(frame)
        if request is None or request.lane is None or error.code != ErrorCode.RATE_LIMITED.value:
            return False
        if error.retry_after is None or error.retry_after > self._longest:
            return False
        if request.retries >= self._retries:
            return False
        request.retries += 1
        request.refused, request.held = error, True
        self._wait(request.lane, error.retry_after)
        return True

    def taken(self, request_id: str) -> None:
        """The server took this one: those of its channel that it refused before were passed."""
        if not self._timers and not self._due:
            return
        request = self._requests.get(request_id)
        if request is None or request.lane is None:
            return
        for earlier, other in self._requests.of(request.lane):
            if other is request:
                return
            if other.refused is not None:
                self._requests.fail(earlier, other.refused)

    def look(self, lane: Lane | None) -> None:
        """Something of the channel was answered or given up: what waits may be next."""
        if lane not in self._due:
            return
        waiting = self._requests.of(lane)
        if all(request.held for _, request in waiting):
            self._due.discard(lane)
            for _, request in waiting:
                request.held, request.refused = False, None
                self._send(request)

    def broken(self) -> None:
        """The connection is gone. What was refused goes with the next one, unless something behind
        it may have been taken.
        """
        for lane in {*self._timers, *self._due}:
            waiting = self._requests.of(lane)
            unknown = [at for at, (_, request) in enumerate(waiting) if not request.held]
            for at, (request_id, request) in enumerate(waiting):
                if request.refused is not None and unknown and at < unknown[-1]:
                    self._requests.fail(request_id, request.refused)
                request.held, request.refused = False, None
        self.stop()

    def stop(self) -> None:
        """Nothing is sent again any more."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._due.clear()

    def _wait(self, lane: Lane, seconds: float) -> None:
        loop, timer = asyncio.get_running_loop(), self._timers.get(lane)
        when = loop.time() + seconds
        if timer is not None:
            when = max(when, timer.when())
            timer.cancel()
        self._due.discard(lane)
        self._timers[lane] = loop.call_at(when, self._over, lane)

    def _over(self, lane: Lane) -> None:
        del self._timers[lane]
        self._due.add(lane)
        self.look(lane)
