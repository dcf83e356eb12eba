"""What the payload rules forbid, in every place and disguise, and more than they may look at."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec

from checks.adversarial.answers import Verdict, not_internal, refused
from checks.adversarial.commands import tomorrow
from checks.adversarial.rules import ACCEPTED, REFUSED_LEGITIMATE
from checks.adversarial.wire import BINARY, MSGPACK, TEXT, answer
from checks.fault import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.adversarial.target import Target
    from checks.peer import Frame

# In two parts, so that nobody takes this file for one that holds a secret.
_KEY = "AKIA" + "Q7RT2MXW4LPZ6NVD"
_WORDS = "codename orchid"
_PLACE = {"room": "lobby", "channel": "c"}
_BLOCKED = "POLICY_BLOCKED"


def content(target: Target) -> Iterator[Verdict]:
    """Each message is blocked, whatever its codec and its way; what holds is delivered."""
    with target.peer("reader") as reader, target.peer() as peer:
        reader.call("join_channel", dict(_PLACE))
        client = str(reader.welcome["payload"]["client_id"])
        yield _taken("a message that holds", peer.ask({**_message("hello"), **_PLACE}))
        for name, frame in _frames(client):
            yield refused(name, peer.ask(frame), _BLOCKED)
        yield from _spelt(target)
        reader.call("ping", {})
        got = [json.dumps(one) for one in reader.frames]
        wrong = Fault(ACCEPTED, "what was blocked was delivered")
        yield Verdict("the reader", (wrong,) if any(_KEY in one for one in got) else ())


def _frames(client: str) -> Iterator[tuple[str, Frame]]:
    for name, value in _hidden():
        yield f"payload: {name}", {**_message(value), **_PLACE}
        yield f"later: {name}", {**_message(value), **_PLACE, "deliver_at": tomorrow()}
        yield f"to a client: {name}", {**_message(value), "to": client}
        yield f"metadata: {name}", {**_message(1), **_PLACE, "metadata": {"a": value}}
    reply = {"type": "response", "to": client, "request_id": "r1", "payload": _KEY}
    yield "a response", {**reply, "id": "response-1"}
    for name, value in (("too many bytes", "x " * 40_000), ("too many values", [0] * 2000)):
        yield name, {**_message(value), **_PLACE}
        yield f"{name}, then a key", {**_message([value, _KEY]), **_PLACE}
    orders: tuple[object, ...] = ({}, {"order": 0}, {"order": "1"}, {"order": 1, "x": 2}, [], 1.5)
    for order in orders:
        yield f"order {order!r}", {**_message(order), "room": "orders", "channel": "c"}


def _hidden() -> Iterator[tuple[str, object]]:
    yield "a key", _KEY
    yield "a key amid words", f"use {_KEY} today"
    yield "a key in a list", [1, [2, [_KEY]]]
    yield "a key in an object", {"a": {"b": _KEY}}
    yield "a key as a name", {_KEY: 1}
    yield "words that are denied", f"the {_WORDS} is near"
    yield "words in capitals", _WORDS.upper()
    yield "a private key", "-----BEGIN " + "PRIVATE KEY-----\nMIIB\n-----END " + "PRIVATE KEY-----"


def _spelt(target: Target) -> Iterator[Verdict]:
    """The same in bytes that are written otherwise."""
    escaped = "".join(f"\\u{ord(letter):04x}" for letter in _KEY)
    head = '{"type":"message","room":"lobby","channel":"c","payload":'
    with target.opened() as wire:
        wire.frame(TEXT, f'{head}"{escaped}"}}'.encode())
        yield refused("a key, escaped", answer(wire), _BLOCKED)
    for name, text in (
        ("behind another of its name", f'{head}{{"a":"{_KEY}","a":"fine"}}}}'),
        ("before another of its name", f'{head}{{"a":"fine","a":"{_KEY}"}}}}'),
    ):
        with target.opened() as wire:
            wire.frame(TEXT, text.encode())
            # It may be taken in the one sense that was inspected: then the reader has no key.
            yield not_internal(f"a key, {name}", answer(wire))
    for value in (_KEY, [_KEY], {"a": _KEY}, {_KEY: 1}):
        with target.opened(protocol=MSGPACK) as wire:
            wire.frame(BINARY, msgspec.msgpack.encode({**_message(value), **_PLACE}))
            yield refused(f"a key in MessagePack, {type(value).__name__}", answer(wire), _BLOCKED)


def _message(payload: object) -> Frame:
    return {"type": "message", "payload": payload}


def _taken(name: str, got: Frame) -> Verdict:
    wrong = Fault(REFUSED_LEGITIMATE, f"{name}: {got.get('error_code')}")
    return Verdict(name, () if got.get("type") == "ack" else (wrong,))
