"""Handshakes that are wrong, twice, too slow or never finished."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from checks.adversarial.answers import Verdict, in_time, let_in, refused_at_the_door
from checks.adversarial.rules import ACCEPTED
from checks.adversarial.target import TENANT
from checks.adversarial.wire import MSGPACK, TEXT, frame_bytes, upgrade
from checks.fault import Fault, NoAnswerError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.adversarial.target import Target

_KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
_RACERS = 24
_SLOW = 6
_DRIP = 0.1


def handshakes(target: Target) -> Iterator[Verdict]:
    """No wrong handshake is upgraded, none is held open, and none gets another's session."""
    yield let_in("a good handshake", target.knock(upgrade(target.token())))
    yield let_in(
        "a good one for MessagePack", target.knock(upgrade(target.token(), protocol=MSGPACK))
    )
    for name, request in _bad_heads(target):
        yield refused_at_the_door(name, target.knock(request), 400, 401, 404, 405, 426, 431, 0)
    for name, request in _misplaced_tokens(target):
        yield refused_at_the_door(name, target.knock(request), 401, 400)
    yield from _replayed(target)
    yield from _raced(target)
    yield from _held(target)


def _bad_heads(target: Target) -> Iterator[tuple[str, bytes]]:
    good = upgrade(target.token())
    for name, old, new in (
        ("POST", b"GET /", b"POST /"),
        ("CONNECT", b"GET /", b"CONNECT /"),
        ("HTTP/1.0", b"HTTP/1.1", b"HTTP/1.0"),
        ("HTTP/0.9", b" HTTP/1.1", b""),
        ("HTTP/9.9", b"HTTP/1.1", b"HTTP/9.9"),
        ("another path", b"GET / ", b"GET /admin "),
        ("a path that climbs", b"GET / ", b"GET /../../etc/passwd "),
        ("a path that is encoded twice", b"GET / ", b"GET /%252e%252e/ "),
        ("an absolute URI", b"GET / ", b"GET http://127.0.0.1/ "),
        ("a NUL in the path", b"GET / ", b"GET /\x00 "),
        ("no upgrade", b"Upgrade: websocket\r\n", b""),
        ("another upgrade", b"Upgrade: websocket", b"Upgrade: h2c"),
        ("no connection", b"Connection: Upgrade\r\n", b""),
        ("a closed connection", b"Connection: Upgrade", b"Connection: close"),
        ("no version", b"Sec-WebSocket-Version: 13\r\n", b""),
        ("version 8", b"Version: 13", b"Version: 8"),
        ("version 13, 8", b"Version: 13", b"Version: 13, 8"),
        ("no key", b"Sec-WebSocket-Key:", b"X-Key:"),
        ("a short key", b"Sec-WebSocket-Key: ", b"Sec-WebSocket-Key: AAAA\r\nX-Key: "),
        ("a key that is no base64", b"Sec-WebSocket-Key: ", b"Sec-WebSocket-Key: \xff\xfe"),
        ("two keys", b"\r\n\r\n", b"\r\nSec-WebSocket-Key: " + _KEY + b"\r\n\r\n"),
        ("two versions", b"\r\n\r\n", b"\r\nSec-WebSocket-Version: 13\r\n\r\n"),
        ("another subprotocol", b"arqonbus.v1.json", b"mqtt"),
        ("a header without a colon", b"Host: 127.0.0.1", b"Host 127.0.0.1"),
        ("a header without a name", b"Host:", b":"),
        ("a space before the colon", b"Authorization:", b"Authorization :"),
        ("a NUL in a header", b"Host: ", b"Host: \x00"),
        ("a header of 100000 bytes", b"Host: ", b"X-Pad: " + b"x" * 100_000 + b"\r\nHost: "),
        ("20000 headers", b"Host: ", b"X: y\r\n" * 20_000 + b"Host: "),
        ("line feeds alone", b"\r\n", b"\n\r"),
    ):
        yield name, good.replace(old, new)
    yield "TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200
    yield "HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    yield "nothing but line ends", b"\r\n" * 2000
    yield "letters without an end", b"x" * 200_000
    yield "bytes of every value", bytes(range(256)) * 8


def _misplaced_tokens(target: Target) -> Iterator[tuple[str, bytes]]:
    token = target.token()
    for name in ("token", "access_token", "jwt", "authorization", "bearer"):
        yield f"a token in the query, as {name}", upgrade(path=f"/?{name}={token}")
    yield "a token in a cookie", upgrade(Cookie=f"token={token}; Authorization={token}")
    yield "a token as password", upgrade(Authorization=f"Basic {token}")
    yield "a token without its scheme", upgrade(Authorization=token)
    yield "a token under another name", upgrade(X_Authorization=f"Bearer {token}")
    yield "a token in the path", upgrade(path=f"/v1/../{token}").replace(b"/v1/../", b"/?")
    yield "two tokens", upgrade(token, Authorization=f"Bearer {token}")
    both = upgrade(token, protocol=f"arqonbus.v1.json, arqonbus.bearer.{target.token('other')}")
    yield "a token in the header and another as subprotocol", both


def _replayed(target: Target) -> Iterator[Verdict]:
    """An upgraded connection takes no second handshake; an expired token's is no use."""
    with target.opened() as wire:
        wire.raw(upgrade(target.token()))
        code = wire.ended()
        faults = () if code is not None else (Fault(ACCEPTED, "a second handshake went through"),)
        yield Verdict("a handshake within a connection", faults)
    now = int(time.time())
    claims = target.forge.claims("probe", TENANT) | {"exp": now - 3600, "iat": now - 7200}
    old = target.forge.signed({"alg": "HS256", "typ": "JWT"}, claims)
    request = upgrade(old)
    for attempt in range(3):
        name = f"an expired handshake, replayed {attempt}"
        yield refused_at_the_door(name, target.knock(request), 401)


def _raced(target: Target) -> Iterator[Verdict]:
    """Good and forged handshakes at one moment: each gets what its own token deserves."""
    good = [(f"racer{number}", target.token(f"racer{number}")) for number in range(_RACERS)]
    bad = [(None, token[:-6] + "AAAAAA") for _, token in good]
    mixed = [one for pair in zip(good, bad, strict=True) for one in pair]
    with ThreadPoolExecutor(len(mixed)) as pool:
        met = list(pool.map(lambda one: _subject(target, one[1]), mixed))
    for (subject, _), seen in zip(mixed, met, strict=True):
        wrong = Fault(ACCEPTED, f"raced: the token of {subject} opened a session of {seen}")
        yield Verdict("raced", () if seen == subject else (wrong,))


def _subject(target: Target, token: str) -> str | None:
    """Whose session a handshake opens."""
    with target.wire() as wire:
        wire.raw(upgrade(token))
        if wire.head().status != 101:  # noqa: PLR2004 - RFC 6455, section 4.2.2
            return None
        return str(json.loads(wire.receive().payload)["payload"]["subject"])


def _held(target: Target) -> Iterator[Verdict]:
    """Connections that only hold: none may last much longer than the handshake may take."""
    good = upgrade(target.token())
    halves: tuple[tuple[str, bytes], ...] = (
        ("nothing at all", b""),
        ("half a request line", good[:9]),
        ("half a head", good[:60]),
        ("a head without its last line end", good[:-1]),
        ("frames before the handshake", frame_bytes(TEXT, b"{}")),
    )
    with ThreadPoolExecutor(len(halves) + _SLOW) as pool:
        ends = [pool.submit(_silent, target, part) for _, part in halves]
        slow = [pool.submit(_dripped, target, good) for _ in range(_SLOW)]
    for (name, _), end in zip(halves, ends, strict=True):
        yield in_time(f"{name}, then silence", end.result())
    for end in slow:
        yield in_time("a byte at a time", end.result())


def _silent(target: Target, part: bytes) -> int | None:
    with target.wire() as wire:
        wire.raw(part)
        try:
            return wire.head().status
        except NoAnswerError:
            return None


def _dripped(target: Target, request: bytes) -> int | None:
    with target.wire() as wire:
        for byte in request[:-1]:
            if not wire.raw(bytes([byte])) or wire.cut_within(_DRIP):
                return 0
        return None
