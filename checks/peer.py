"""A client that keeps every frame it gets; on a library that shares no code with the bus."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from checks.fault import NoAnswerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Frame: TypeAlias = dict[str, Any]  # Any: parsed JSON, looked into with care

ROOM, CHANNEL = "probe", "main"
_PLACE = {"room": ROOM, "channel": CHANNEL}


class Peer:
    """One connection. `frames` is all that came, in order; `limit` the seconds to an answer."""

    def __init__(self, socket: ClientConnection, limit: float) -> None:
        self.frames: list[Frame] = []
        self._socket = socket
        self._limit = limit
        self._asked = 0
        self.welcome = self._must("a welcome", lambda frame: frame.get("type") == "welcome")

    @property
    def delivered(self) -> list[Frame]:
        """The messages that came from the channel."""
        return [one for one in self.frames if one.get("type") == "message"]

    def send(self, message_id: str, require: str | None = None) -> None:
        """Publish a message without waiting for what becomes of it."""
        more = {} if require is None else {"require": require}
        frame = {"type": "message", "id": message_id, "payload": {"n": message_id}, **_PLACE}
        self._send(frame | more)

    def publish(self, message_id: str, require: str | None = None) -> Frame:
        """Publish a message and return its receipt or refusal."""
        self.send(message_id, require)
        return self.answer(message_id)

    def command(self, name: str, **args: object) -> Frame:
        """Send a command about the channel and return its response or error."""
        place = {} if name in {"ping", "status"} else _PLACE
        return self.call(name, place | args)

    def call(self, name: str, args: Frame) -> Frame:
        """Send a command with exactly these arguments and return its response or error."""
        return self.ask({"type": "command", "command": name, "args": args})

    def tell(self, frame: Frame) -> None:
        """Send a frame that may get no answer."""
        self._send(frame)

    def ask(self, frame: Frame) -> Frame:
        """Send a frame under an id of ours and return what becomes of it."""
        self._asked += 1
        request_id = f"probe-{self._asked}"
        self._send({"id": request_id, **frame})
        return self.answer(str(frame.get("id", request_id)))

    def join(self, **args: object) -> Frame:
        """Subscribe; the answer."""
        return self.command("join_channel", **args)

    def history(self) -> tuple[list[Frame], str]:
        """Return all messages of the channel, and what was said of their completeness."""
        messages: list[Frame] = []
        after: int | None = 0
        said = "complete"
        while after is not None:
            answer = self.command("history", after=after, limit=1000)
            page = answer.get("payload") or {}
            if answer.get("type") != "response":
                return messages, str(answer.get("error_code"))
            messages += page.get("messages", [])
            if page.get("complete") != "complete":
                said = str(page.get("complete"))
            after = page.get("next_after")
        return messages, said

    def notice(self, event: str, limit: float, fits: Callable[[Frame], bool]) -> Frame | None:
        """Return the payload of the first notice of an event that fits; None when there is none."""

        def wanted(frame: Frame) -> bool:
            payload = frame.get("payload") or {}
            named = frame.get("type") == "notice" and payload.get("event") == event
            return named and fits(payload)

        found = self._seen_or_next(wanted, limit)
        return None if found is None else found["payload"]

    def read_to_the_end(self) -> None:
        """Take what the server had sent before it went."""
        try:
            while True:
                self._receive(self._limit)
        except (NoAnswerError, TimeoutError):
            return

    def answer(self, request_id: str) -> Frame:
        """Wait for what becomes of a request."""
        return self._must(
            f"an answer to {request_id}", lambda frame: frame.get("request_id") == request_id
        )

    def _must(self, what: str, wanted: Callable[[Frame], bool]) -> Frame:
        found = self._seen_or_next(wanted, self._limit)
        if found is None:
            raise NoAnswerError(f"there was no {what.removeprefix('an ').removeprefix('a ')}")
        return found

    def _seen_or_next(self, wanted: Callable[[Frame], bool], limit: float) -> Frame | None:
        for frame in self.frames:
            if wanted(frame):
                return frame
        deadline = time.monotonic() + limit
        while (left := deadline - time.monotonic()) > 0:
            try:
                frame = self._receive(left)
            except TimeoutError:
                return None
            if wanted(frame):
                return frame
        return None

    def _send(self, frame: Frame) -> None:
        try:
            self._socket.send(json.dumps(frame))
        except ConnectionClosed as error:
            raise NoAnswerError(f"it closed the connection: {error}") from error

    def _receive(self, limit: float) -> Frame:
        try:
            frame = json.loads(self._socket.recv(timeout=limit))
        except ConnectionClosed as error:
            raise NoAnswerError(f"it closed the connection: {error}") from error
        except ValueError as error:
            raise NoAnswerError(f"it sent what is no JSON: {error}") from error
        if not isinstance(frame, dict):
            raise NoAnswerError("it sent a frame that is no object")
        self.frames.append(frame)
        return frame


@contextmanager
def connected(port: int, limit: float, token: str | None = None) -> Iterator[Peer]:
    """A peer that was welcomed, with a token where one is given.

    Raises:
        NoAnswerError: nobody answers there as a bus does.
    """
    protocols = [Subprotocol("arqonbus.v1.json")]
    try:
        socket = connect(
            f"ws://127.0.0.1:{port}/",
            subprotocols=protocols,
            additional_headers=None if token is None else {"Authorization": f"Bearer {token}"},
            open_timeout=limit,
            close_timeout=1,
            proxy=None,
        )
    except (OSError, InvalidHandshake) as error:
        raise NoAnswerError(f"it can't be connected to: {error}") from error
    with socket:
        yield Peer(socket, limit)
