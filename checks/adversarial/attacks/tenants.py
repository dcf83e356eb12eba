"""Two tenants use the same names; nothing of one may reach the other."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from checks.adversarial.answers import Verdict, not_internal, refused
from checks.adversarial.commands import described, tomorrow
from checks.adversarial.rules import LEAKED_TENANT, REFUSED_LEGITIMATE
from checks.fault import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from checks.adversarial.target import Target
    from checks.peer import Frame, Peer

_CHANNEL = {"room": "shared", "channel": "main"}
_GROUP = "workers"


def _marker() -> str:
    return "m" + secrets.token_hex(12)


@dataclass(slots=True)
class Side:
    """One tenant's client, and what only its tenant may ever see."""

    peer: Peer
    secret: str = field(default_factory=_marker)
    vault: str = field(default_factory=_marker)
    known: set[str] = field(default_factory=set)

    @property
    def client(self) -> str:
        """Its client id."""
        return str(self.peer.welcome["payload"]["client_id"])

    def settle(self) -> Iterator[Frame]:
        """Use everything, under names that the other knows and under one that it does not."""
        for place in (_CHANNEL, {**_CHANNEL, "room": self.vault}):
            yield self.peer.call("join_channel", dict(place))
            for number in range(3):
                yield self.peer.ask(
                    {"type": "message", "id": f"same-{number}", "payload": self.secret, **place}
                )
            later = {"type": "message", "id": "same-later", "deliver_at": tomorrow(), **place}
            yield self.peer.ask({**later, "payload": self.secret})
            joined = self.peer.call("group.join", {**place, "group": _GROUP, "start": "beginning"})
            yield joined
        self.known |= {
            self.secret,
            self.vault,
            str(self.peer.call("channel_info", _CHANNEL).get("payload", {}).get("epoch")),
        }


def tenants(target: Target) -> Iterator[Verdict]:
    """Every command and frame of each, with the names of the other."""
    with target.peer("ann", "acme") as first, target.peer("rob", "rival") as second:
        sides = Side(first), Side(second)
        for side in sides:
            for answer in side.settle():
                yield _served(answer)
        for own, other in (sides, sides[::-1]):
            yield from _commands(own, other)
            yield from _frames(own, other)
            yield from _spellings(own)
        for own, other in (sides, sides[::-1]):
            own.peer.call("ping", {})
            yield Verdict(
                "all that came", tuple(_leaks("in all that came", own.peer.frames, other))
            )


def _commands(own: Side, other: Side) -> Iterator[Verdict]:
    for command in described(own.peer):
        for names in _names(other):
            answer = own.peer.call(command.name, command.filled(names))
            yield _kept_apart(f"command {command.name}", answer, other)


def _names(other: Side) -> Iterator[Mapping[str, object]]:
    """What could lead to the other's: the shared names, its client, its tenant in every place."""
    yield {**_CHANNEL, "group": _GROUP, "id": "same-later", "after": 0}
    yield {"group": _GROUP}
    yield {"tenant": "acme", "subject": "ann", "client_id": other.client, "to": other.client}
    epoch = {"epoch": "x", "seqs": [1, 2, 3], "since": {"epoch": "x", "seq": 0}}
    yield {**_CHANNEL, **epoch, "group": _GROUP, "discard_history": False}


def _frames(own: Side, other: Side) -> Iterator[Verdict]:
    direct = {"type": "message", "to": other.client, "payload": own.secret}
    yield refused("a message to the other's client", own.peer.ask(direct), "NOT_FOUND", "FORBIDDEN")
    reply = {"type": "response", "to": other.client, "request_id": "same-0", "payload": own.secret}
    answer = own.peer.ask({**reply, "id": "reply-to-the-other"})
    yield refused("a response to the other's client", answer, "NOT_FOUND", "FORBIDDEN")
    for number in range(3):
        frame = {"type": "message", "id": f"same-{number}", "payload": own.secret, **_CHANNEL}
        answer = own.peer.ask(frame)
        yield _kept_apart("a message with an id of the other's", answer, other)


def _spellings(own: Side) -> Iterator[Verdict]:
    """Other ways to write a room of another tenant."""
    for tenant in ("acme", "rival", "ACME"):
        for spelling in (
            f"{tenant}/shared",
            f"/{tenant}/shared",
            f"../{tenant}/shared",
            f"{tenant}:shared",
            f"{tenant}%2fshared",
            f"{tenant}\\shared",
            f"{tenant}\u2215shared",
            f"{tenant}\uff0fshared",
            f"{tenant}\x00shared",
        ):
            place = {"room": spelling, "channel": "main"}
            for command in ("join_channel", "history", "channel_info"):
                answer = own.peer.call(command, dict(place))
                yield refused(f"{command} {spelling!r}", answer, "VALIDATION_ERROR", "NOT_FOUND")


def _kept_apart(name: str, answer: Frame, other: Side) -> Verdict:
    defect = not_internal(name, answer)
    return Verdict(name, (*defect.faults, *_leaks(name, [answer], other)))


def _leaks(name: str, frames: list[Frame], other: Side) -> Iterator[Fault]:
    text = json.dumps(frames)
    if any(marker in text for marker in other.known):
        yield Fault(LEAKED_TENANT, f"{name}: the answer holds what is another tenant's")


def _served(answer: Frame) -> Verdict:
    """A tenant that can use nothing would have nothing to leak."""
    wrong = Fault(REFUSED_LEGITIMATE, f"a tenant's own use of its names: {answer.get('error')}")
    return Verdict("a tenant's own use", (wrong,) if answer.get("type") == "error" else ())
