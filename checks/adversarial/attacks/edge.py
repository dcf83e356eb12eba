"""From where and by which door: foreign pages, administrators' requests, endless guessing."""

from __future__ import annotations

from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING

from checks.adversarial.answers import Verdict, let_in, refused_at_the_door
from checks.adversarial.kinds import ORIGIN
from checks.adversarial.rules import ACCEPTED
from checks.adversarial.wire import Head, upgrade
from checks.fault import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.adversarial.target import Target

_FOREIGN = (
    "https://evil.example",
    "null",
    "",
    "*",
    "file://",
    "http://localhost",
    "http://127.0.0.1:8080",
    f"{ORIGIN}.evil.example",
    f"{ORIGIN}:444",
    f"{ORIGIN}/path",
    f"{ORIGIN}@evil.example",
    ORIGIN.replace("https", "http"),
    ORIGIN.replace("app.", "app-"),
    ORIGIN.replace("app.", "evil.app."),
    f"{ORIGIN} https://evil.example",
    "https://app.ex\u0430mple.com",
)
_ADMIN = ("/v1/admin/reload", "/v1/admin/revoke")
_BODIES = (
    b"",
    b"{}",
    b"[]",
    b"{",
    b"null",
    b'{"subject":"ann"}',
    b"[" * 100_000,
    b"\xff",
    b"0" * 9,
)
_GUESSES = 40
_TOO_MANY = 429


def edge(target: Target) -> Iterator[Verdict]:
    """No foreign page is let in, and no request administers without the right to."""
    yield let_in("a page of this site", target.knock(upgrade(target.token(), Origin=ORIGIN)))
    for origin in _FOREIGN:
        name = f"Origin {origin!r}"
        answer = target.knock(upgrade(target.token(), Origin=origin))
        yield refused_at_the_door(name, answer, 400, 403)
    two = upgrade(target.token(), Origin=ORIGIN).replace(
        b"\r\n\r\n", b"\r\nOrigin: https://evil.example\r\n\r\n"
    )
    yield refused_at_the_door("two origins", target.knock(two), 400, 403)
    for path in _ADMIN:
        yield from _administered(target, path)
    for method in ("GET", "PUT", "DELETE", "OPTIONS", "TRACE", "PROPFIND"):
        answer = _asked(target, method, "/v1/admin/reload", target.token(), b"")
        yield _refused(f"{method} of an administrator's page", answer, 401, 403, 404, 405)
    for path in (
        "/../../etc/passwd",
        "/%2e%2e/x",
        "/metrics/../v1/admin/reload",
        "/debug",
        "/\x7f",
    ):
        yield _refused(f"page {path!r}", _asked(target, "GET", path, None, b""), 400, 404, 405)


def guessing(target: Target) -> Iterator[Verdict]:
    """Against a bus with a low limit: whoever guesses on is not even heard."""
    token = target.forge.signed({"alg": "HS256"}, {"sub": "guess"}, b"g" * 40)
    last = Head(0)
    for number in range(_GUESSES):
        last = target.show(token)
        yield refused_at_the_door(f"guess {number}", last, 401, _TOO_MANY)
    wrong = Fault(ACCEPTED, f"{_GUESSES} guesses from one address were all heard")
    yield Verdict("the last guess", () if last.status == _TOO_MANY else (wrong,))


def _administered(target: Target, path: str) -> Iterator[Verdict]:
    forge = target.forge
    strangers = {
        "nobody": (None, (401,)),
        "a forged token": (forge.signed({"alg": "HS256"}, {"sub": "root"}, b"g" * 40), (401,)),
        "an unsigned token": (forge.unsigned({"alg": "none"}, {"sub": "root"}), (401,)),
        "a member": (target.token(), (403,)),
        "an operator by name alone": (forge.good("operator", "operators"), (403,)),
    }
    for who, (token, statuses) in strangers.items():
        for body in _BODIES:
            name = f"{path} by {who} with {body[:12]!r}"
            yield _refused(name, _asked(target, "POST", path, token, body), *statuses, 400, 413)


def _refused(name: str, answer: Head, *statuses: int) -> Verdict:
    """The same as at the WebSocket door; here 2xx is what must not be."""
    if 200 <= answer.status < 300:  # noqa: PLR2004 - RFC 9110, section 15.3
        return Verdict(name, (Fault(ACCEPTED, f"{name}: answered with {answer.status}"),))
    return refused_at_the_door(name, answer, *statuses)


def _asked(target: Target, method: str, path: str, token: str | None, body: bytes) -> Head:
    connection = HTTPConnection("127.0.0.1", target.http_port, timeout=target.demands.answer)
    headers = {"Content-Type": "application/json"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    try:
        connection.putrequest(method, path.replace("\x7f", "%7f"), skip_accept_encoding=True)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        response = connection.getresponse()
        return Head(response.status, "", response.read().decode("utf-8", "replace"))
    except (OSError, HTTPException):
        return Head(0)
    finally:
        connection.close()
