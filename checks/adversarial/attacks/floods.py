"""More than the rates allow: refused with a time to come again, and closed at last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks.adversarial.answers import Verdict, closed
from checks.adversarial.rules import ACCEPTED, WRONG_ANSWER
from checks.adversarial.wire import TEXT, answer
from checks.fault import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.adversarial.target import Target
    from checks.peer import Frame

_FRAMES = 1000
_FLOODERS = 1
_OVER = 4003  # the close code of one who goes on and on
_KINDS = (
    b'{"type":"message","room":"flood","channel":"c","payload":1}',
    b'{"type":"command","command":"ping"}',
    b'{"type":"message","to":"c_000000000000","payload":1}',
    b"nonsense",
)


def floods(target: Target) -> Iterator[Verdict]:
    """Whatever is sent too fast; the healthy client beside is served meanwhile."""
    for number in range(_FLOODERS):
        for kind in _KINDS:
            yield _flood(target, f"flood {number} of {kind.decode():.30}", kind)


def _flood(target: Target, name: str, data: bytes) -> Verdict:
    with target.opened() as wire:
        for _ in range(_FRAMES):
            if not wire.frame(TEXT, data):
                break
        refusals: list[Frame] = []
        while not str((got := answer(wire)).get("error_code")).startswith("close "):
            if got.get("error_code") == "RATE_LIMITED":
                refusals.append(got)
            elif len(refusals) > _FRAMES:
                return Verdict(name, (Fault(ACCEPTED, f"{name}: nothing limits it"),))
        faults = list(closed(name, int(str(got["error_code"])[6:]), _OVER, 1008).faults)
    if not all(one["payload"].get("retry_after") for one in refusals):
        faults.append(Fault(WRONG_ANSWER, f"{name}: a refusal does not say when to come again"))
    return Verdict(name, tuple(faults), attempts=_FRAMES)
