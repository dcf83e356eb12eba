"""Deny by default: who was given nothing may do nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks.adversarial.answers import Verdict, refused
from checks.adversarial.commands import described, tomorrow
from checks.adversarial.rules import REFUSED_LEGITIMATE
from checks.fault import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.adversarial.target import Target
    from checks.peer import Frame, Peer

_NAMES = {"room": "lobby", "channel": "c", "group": "g"}
_CHANNEL = {"room": "lobby", "channel": "c"}


def nobody(target: Target) -> Iterator[Verdict]:
    """Against a bus whose policy gives nobody anything."""
    with target.peer() as peer:
        yield from _nothing(target, peer)


def stranger(target: Target) -> Iterator[Verdict]:
    """Against a bus whose policy gives others something."""
    with target.peer("stranger", "elsewhere") as peer:
        yield from _nothing(target, peer)


def _nothing(target: Target, peer: Peer) -> Iterator[Verdict]:
    for command in described(peer):
        answer = peer.call(command.name, command.filled(_NAMES))
        due = target.demands.without_right.get(command.name, "FORBIDDEN")
        yield _as_due(f"command {command.name}", answer, due)
    for name, frame in _frames(str(peer.welcome["payload"]["client_id"])):
        yield refused(name, peer.ask(frame), "FORBIDDEN")
    peer.tell({"type": "message", "id": "silent", "payload": 1, "qos": 0, **_CHANNEL})
    peer.call("ping", {})
    told = [one for one in peer.frames if one.get("request_id") == "silent"]
    yield refused("a message without receipt", told[0] if told else {}, "FORBIDDEN")


def _frames(client: str) -> Iterator[tuple[str, Frame]]:
    yield "a message", {"type": "message", "payload": 1, **_CHANNEL}
    yield "one for later", {"type": "message", "payload": 1, "deliver_at": tomorrow(), **_CHANNEL}
    yield "one with demands", {"type": "message", "payload": 1, "require": "memory", **_CHANNEL}
    yield "one to a client", {"type": "message", "payload": 1, "to": client}
    yield "one to no client", {"type": "message", "payload": 1, "to": "c_000000000000"}


def _as_due(name: str, answer: Frame, due: str) -> Verdict:
    """An error code; `response`, for what tells of nobody else; `nothing`, for an empty list."""
    if due == "response" and answer.get("type") != "response":
        what = f"{name}: {answer.get('error_code')}, though it tells of nobody else"
        return Verdict(name, (Fault(REFUSED_LEGITIMATE, what),))
    told = any(value for value in (answer.get("payload") or {}).values())
    if due == "response" or (due == "nothing" and answer.get("type") == "response" and not told):
        return Verdict(name)
    return refused(name, answer, due)
