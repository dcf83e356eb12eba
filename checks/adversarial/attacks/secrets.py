"""Failures with tokens in every place; then nothing that the bus writes may hold a part of one."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from checks.adversarial.answers import Verdict, not_internal
from checks.adversarial.target import PAGES, TENANT
from checks.adversarial.wire import TEXT, answer, upgrade

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.adversarial.target import Target
    from checks.peer import Frame


def secrets(target: Target) -> Iterator[Verdict]:
    """Provoke refusals and faults with good, forged and expired tokens and the secret itself."""
    for name, request in _requests(target):
        head = target.knock(request)
        yield _clean(target, f"the answer to {name}", head.lines + head.body)
    for name, frame in _frames(target):
        with target.opened() as wire:
            wire.frame(TEXT, frame)
            # It may say to its sender what its sender said.
            yield not_internal(name, answer(wire))
    with target.peer() as peer:
        yield _clean(target, "the welcome", json.dumps(peer.welcome))
        yield _clean(target, "status", json.dumps(peer.call("status", {})))
    for page in PAGES:
        yield _clean(target, page, target.page(page))
    yield _clean(target, "its log", target.served.said())


def _requests(target: Target) -> Iterator[tuple[str, bytes]]:
    for kind, token in _tokens(target):
        yield f"{kind} token", upgrade(token)
        yield f"{kind} token twice", upgrade(token, Authorization=f"Bearer {token}")
        yield f"{kind} token in the query", upgrade(path=f"/?access_token={token}")
        yield f"{kind} token in the path", upgrade(path=f"/{token}")
        yield f"{kind} token in a cookie", upgrade(Cookie=f"token={token}")
        yield f"{kind} token as an agent", upgrade(User_Agent=token, Referer=f"http://x/?{token}")
        yield f"{kind} token as password", upgrade(Authorization=f"Basic {token}")
        yield f"{kind} token as subprotocol", upgrade(protocol=token)
        yield f"{kind} token as bearer", upgrade(protocol=f"arqonbus.bearer.{token}")
        yield f"{kind} token and a bad head", upgrade(token).replace(b"Version: 13", b"Version: 1")
        yield f"{kind} token and no HTTP", upgrade(token).replace(b"HTTP/1.1", b"XXXX")


def _tokens(target: Target) -> Iterator[tuple[str, str]]:
    forge = target.forge
    yield "a good", target.token()
    yield "an expired", forge.good("probe", TENANT, exp=int(time.time()) - 3600)
    yield "a misdated", forge.good("probe", TENANT, exp="never")
    yield "a forged", forge.signed({"alg": "HS256"}, forge.claims("probe", TENANT), b"x" * 40)
    yield "an unsigned", forge.unsigned({"alg": "none"}, forge.claims("probe", TENANT))
    yield "a secret as", forge.secret.decode()


def _frames(target: Target) -> Iterator[tuple[str, bytes]]:
    for kind, token in _tokens(target):
        if token == target.forge.secret.decode():
            continue  # it could be a room's name, which is no secret
        for name, frame in _with(token):
            yield f"{kind} token as {name}", json.dumps(frame).encode()
        yield f"{kind} token as broken text", f'{{"type":"command","token":{token}'.encode()


def _with(token: str) -> Iterator[tuple[str, Frame]]:
    place = {"room": "lobby", "channel": "c"}
    yield "a room", {"type": "message", "payload": 1, **place, "room": token}
    yield "a type", {"type": token}
    yield "an unknown field", {"type": "message", "payload": 1, token: token, **place}
    yield "a command", {"type": "command", "command": token}
    yield "an unknown argument", {"type": "command", "command": "ping", "args": {token: 1}}
    yield (
        "a new token of another",
        {
            "type": "command",
            "command": "auth.refresh",
            "args": {"token": token + "A"},
        },
    )


def _clean(target: Target, where: str, text: str) -> Verdict:
    return Verdict(where, tuple(target.betrayed(where, text, target.forge.parts())))
