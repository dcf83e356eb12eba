"""HTTP servers of the gate's own: one that holds the keys, and one that nobody may ever ask."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

from checks.fault import NoAnswerError

if TYPE_CHECKING:
    from collections.abc import Mapping

_OK = 200


class Listener:
    """Answers every request with what it was told last, and counts the connections."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._asked = 0
        self._changed = threading.Condition()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/keys"

    @property
    def asked(self) -> int:
        """How many connections there were."""
        return self._asked

    def tell(self, answer: Answer) -> Answer:
        """Answer with this from now on; what it was before."""
        with self._changed:
            before, self._answer = self._answer, answer
            return before

    def wait_for_two(self, limit: float) -> None:
        """Wait until two have asked from now on: when the second asks, the first has its answer.

        Raises:
            NoAnswerError: they have not within the limit.
        """
        with self._changed:
            count = self._asked + 2
            if not self._changed.wait_for(lambda: self._asked >= count, limit):
                raise NoAnswerError("it does not fetch the keys again")

    def connected(self) -> None:
        """Somebody is there."""
        with self._changed:
            self._asked += 1

    def answered(self) -> Answer:
        """What to answer now; whoever waits for a request may go on."""
        with self._changed:
            self._changed.notify_all()
            return self._answer


class Answer:
    """Status, headers and body of an answer; without a status the connection is just closed."""

    def __init__(
        self, body: object = b"", status: int = _OK, headers: Mapping[str, str] | None = None
    ) -> None:
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.status = status
        self.headers = dict(headers or {})


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        super().__init__(("127.0.0.1", 0), _Handler)

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ANN401 - as typed there
        self.listener.connected()
        return super().verify_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as typed there
        """The bus may hang up on an answer that it does not want: that is its right."""


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = self.server
        answer = server.listener.answered() if isinstance(server, _Server) else Answer()
        if not answer.status:
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, *_args: object) -> None:
        """Nothing: the report says what came of it."""
