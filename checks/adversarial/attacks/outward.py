"""Addresses from a client: the bus never connects to one."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from checks.adversarial.answers import Verdict, not_internal, refused_at_the_door
from checks.adversarial.commands import described
from checks.adversarial.rules import CONNECTED_OUT
from checks.adversarial.target import TENANT
from checks.adversarial.wire import upgrade
from checks.fault import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.adversarial.target import Target
    from checks.adversarial.wire import Head
    from checks.peer import Frame

_HEADERS = ("jku", "x5u", "kid", "iss", "url")
_GUESSED = ("webhook.create", "webhook.set", "http.get", "fetch", "cron.create", "operator.join")


def outward(target: Target) -> Iterator[Verdict]:
    """Through tokens, headers, every text argument of every command, payloads and metadata."""
    for verdict in _all(target):
        yield Verdict(verdict.name, (*verdict.faults, *_canary(target, verdict.name)))


def _all(target: Target) -> Iterator[Verdict]:
    url = target.canary.url
    yield from _tokens(target, url)
    for name in ("Origin", "Referer", "X-Forwarded-Host", "X-Original-URL", "Forwarded", "Via"):
        yield _heeded(f"header {name}", target.knock(upgrade(target.token(), **{name: url})))
    absolute = upgrade(target.token(), path=url)
    yield refused_at_the_door("an absolute URI", target.knock(absolute), 400, 404, 0)
    with target.peer() as peer:
        for command in described(peer):
            for argument in command.texts:
                filled = command.filled({"room": "lobby", "channel": "c"}) | {argument: url}
                answer = peer.call(command.name, filled)
                yield not_internal(f"{command.name} with {argument}", answer)
        for guessed in _GUESSED:
            yield not_internal(guessed, peer.call(guessed, {"url": url}))
        for name, frame in _frames(url):
            yield not_internal(name, peer.ask(frame))


def _tokens(target: Target, url: str) -> Iterator[Verdict]:
    forge = target.forge
    claims = forge.claims("probe", TENANT)
    for name in _HEADERS:
        header = {"alg": "HS256", "typ": "JWT", name: url}
        token = forge.signed(header, claims, b"a key that the canary would hand out")
        yield refused_at_the_door(f"a token with {name}", target.show(token), 401)
        other = forge.signed({**header, "alg": "RS256"}, {**claims, name: url}, b"x")
        yield refused_at_the_door(f"an RS256 token with {name}", target.show(other), 401)


def _frames(url: str) -> Iterator[tuple[str, Frame]]:
    place = {"room": "lobby", "channel": "c"}
    values: tuple[object, ...] = (
        {"url": url, "callback": url, "$ref": url, "$schema": url},
        f'<!DOCTYPE a [<!ENTITY b SYSTEM "{url}">]><a>&b;</a>',
    )
    for value in values:
        yield "payload", {"type": "message", "payload": value, **place}
        held = {"callback": url, "reply_to": url, "trace": url}
        yield "metadata", {"type": "message", "payload": 1, "metadata": held, **place}
        yield "to", {"type": "message", "payload": value, "to": url}


def _heeded(name: str, answer: Head) -> Verdict:
    """Such a header may be ignored or refused; here it only matters that it leads nowhere."""
    if answer.status == HTTPStatus.SWITCHING_PROTOCOLS:
        return Verdict(name)
    return refused_at_the_door(name, answer, 400, 403)


def _canary(target: Target, name: str) -> Iterator[Fault]:
    if target.canary.asked:
        yield Fault(CONNECTED_OUT, f"{name}: it connected to where a client pointed it")
