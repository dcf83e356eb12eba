"""What an attempt must end in: a refusal of the expected kind, and nothing else."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from checks.adversarial.rules import ACCEPTED, HUNG, INTERNAL, REFUSED_LEGITIMATE, WRONG_ANSWER
from checks.fault import Fault

if TYPE_CHECKING:
    from collections.abc import Collection

    from checks.adversarial.wire import Head
    from checks.peer import Frame

_DEFECT = 1011  # RFC 6455, 7.4.1
_TAIL = 200


@dataclass(frozen=True, slots=True)
class Verdict:
    """One attempt, or several alike: what they are called and what was wrong."""

    name: str
    faults: tuple[Fault, ...] = ()
    attempts: int = 1


def refused_at_the_door(name: str, head: Head, *statuses: int) -> Verdict:
    """Demand one of these HTTP statuses; 0 stands for a connection that was closed."""
    if head.status == HTTPStatus.SWITCHING_PROTOCOLS:
        return _verdict(name, ACCEPTED, "the handshake was accepted")
    if head.status == HTTPStatus.INTERNAL_SERVER_ERROR or _code(head.body) == "INTERNAL":
        return _verdict(name, INTERNAL, f"the handshake was answered with {head.status}")
    if head.status not in statuses:
        return _verdict(name, WRONG_ANSWER, f"HTTP {head.status} instead of {_either(statuses)}")
    if head.status == HTTPStatus.UNAUTHORIZED and _code(head.body) != "UNAUTHENTICATED":
        return _verdict(name, WRONG_ANSWER, "a 401 does not say UNAUTHENTICATED")
    return Verdict(name)


def let_in(name: str, head: Head) -> Verdict:
    """Demand that a legitimate handshake is accepted: a bus that refuses all proves nothing."""
    if head.status == HTTPStatus.SWITCHING_PROTOCOLS:
        return Verdict(name)
    return _verdict(name, REFUSED_LEGITIMATE, f"it was answered with {head.status}: {head.body}")


def refused(name: str, answer: Frame, *codes: str) -> Verdict:
    """Demand an error envelope with one of these codes."""
    code = answer.get("error_code")
    if answer.get("type") != "error":
        return _verdict(name, ACCEPTED, f"it was answered with {answer.get('type')}")
    if code == "INTERNAL":
        return _verdict(name, INTERNAL, "it was answered with INTERNAL")
    if code not in codes:
        return _verdict(name, WRONG_ANSWER, f"{code} instead of {_either(codes)}")
    return Verdict(name)


def not_internal(name: str, answer: Frame) -> Verdict:
    """Demand only that it is no defect: for what may be refused or may be done."""
    if answer.get("error_code") == "INTERNAL":
        return _verdict(name, INTERNAL, "it was answered with INTERNAL")
    return Verdict(name)


def closed(name: str, code: int | None, *codes: int) -> Verdict:
    """Demand one of these close codes; 1006 stands for a connection that was cut."""
    if code is None:
        return _verdict(name, ACCEPTED, "the connection goes on as if nothing was")
    if code == _DEFECT:
        return _verdict(name, INTERNAL, "the connection was closed with 1011")
    if code not in codes:
        return _verdict(name, WRONG_ANSWER, f"closed with {code} instead of {_either(codes)}")
    return Verdict(name)


def in_time(name: str, code: int | None) -> Verdict:
    """Demand that the bus lets go of a connection that only holds it."""
    if code is None:
        return _verdict(name, HUNG, "the connection is held for as long as the client wants")
    return Verdict(name)


def _verdict(name: str, rule: str, what: str) -> Verdict:
    return Verdict(name, (Fault(rule, f"{name}: {what[:_TAIL]}"),))


def _either(wanted: Collection[object]) -> str:
    return " or ".join(map(str, wanted))


def _code(body: str) -> object:
    try:
        told = json.loads(body)
    except ValueError:
        return None
    return told.get("error_code") if isinstance(told, dict) else None
