"""A local OSV endpoint over a snapshot, for a pip-audit that can reach no other."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name, canonicalize_version

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from checks.osv.snapshot import Snapshot

_MAX_BODY = 64 * 1024


@contextmanager
def serve_snapshot(snapshot: Snapshot, pins: Mapping[str, str]) -> Iterator[str]:
    """Answer OSV queries for `pins` on a free port of this machine; yields the query URL.

    Any other name or version gets 404, so that a question which nobody meant to ask ends the
    audit. An answer is whole: pip-audit would never ask for a second page.
    """
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(snapshot, pins))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(snapshot: Snapshot, pins: Mapping[str, str]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """One snapshot's answers."""

        def do_POST(self) -> None:
            status, answer = _answer(self._body(), snapshot, pins)
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _body(self) -> bytes:
            length = int(self.headers.get("Content-Length", "0"))
            return self.rfile.read(min(length, _MAX_BODY))

        def log_message(self, *_args: object) -> None:
            """Stay silent: a gate never prints."""

    return Handler


def _answer(
    body: bytes, snapshot: Snapshot, pins: Mapping[str, str]
) -> tuple[HTTPStatus, dict[str, object]]:
    try:
        query = json.loads(body)
        name = canonicalize_name(query["package"]["name"])
        version, ecosystem = str(query["version"]), query["package"]["ecosystem"]
    except (ValueError, KeyError, TypeError, AttributeError):
        return HTTPStatus.BAD_REQUEST, {"message": "not an OSV query"}
    pinned = canonicalize_version(pins.get(name, ""))
    if ecosystem != "PyPI" or name not in pins or pinned != canonicalize_version(version):
        return HTTPStatus.NOT_FOUND, {"message": "not a distribution of this audit"}
    found = [record.answer(name) for record in snapshot.affecting(name, version)]
    return HTTPStatus.OK, {"vulns": found} if found else {}
