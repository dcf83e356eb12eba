"""What a bus said of each message, held against what it has and what it gave out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks.durability.rules import DOWN, LOST, NOT_REFUSED, RECEIPT, UNSTORED
from checks.fault import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable

    from checks.fault import Faults
    from checks.peer import Frame, Peer

_LEVELS = ("memory", "remote", "disk", "replicated")
_SHOWN = 5


class Books:
    """Receipts by message id, and the ids of what was refused."""

    def __init__(self) -> None:
        self.acknowledged: dict[str, Frame] = {}
        self.refused: set[str] = set()

    def receipt(self, answer: Frame, level: str) -> Faults:
        """Demand a receipt that names exactly this level."""
        self.enter(answer)
        said = str(answer.get("durability"))
        if answer.get("type") != "ack":
            yield Fault(DOWN, f"a publish was refused where {level} is reached: {_short(answer)}")
        elif said not in _LEVELS or _LEVELS.index(said) > _LEVELS.index(level):
            yield Fault(RECEIPT, f"a receipt says {said} where {level} is all that is reached")
        elif said != level:
            yield Fault(DOWN, f"a receipt says {said} where {level} is reached")

    def refusal(self, answer: Frame, code: str) -> Faults:
        """Demand that a message was refused, with this error."""
        self.enter(answer)
        if answer.get("type") == "ack":
            said = answer.get("durability")
            yield Fault(NOT_REFUSED, f"what must be {code} was acknowledged, as {said}")
            if said != "memory":
                yield Fault(RECEIPT, f"a receipt says {said} of what no store took")
        elif answer.get("error_code") != code:
            yield Fault(NOT_REFUSED, f"what must be {code} was {_short(answer)}")

    def enter(self, answer: Frame) -> None:
        """Note a receipt or a refusal."""
        message_id = str(answer.get("request_id"))
        if answer.get("type") == "ack":
            self.acknowledged[message_id] = answer
        elif answer.get("type") == "error":
            self.refused.add(message_id)

    def judge(self, reader: Peer, delivered: Iterable[Frame]) -> Faults:
        """Read the channel from its beginning and hold everything that was said against it."""
        stored, said = reader.history()
        if said != "complete":
            yield Fault(LOST, f"the channel's history is {said}, not complete")
        positions = [one.get("seq") for one in stored]
        if positions != list(range(1, len(stored) + 1)):
            yield Fault(LOST, "the positions in the channel's history are not 1, 2, 3 …")
        at = {one.get("seq"): _key(one) for one in stored}
        lost = [
            name
            for name, receipt in self.acknowledged.items()
            if at.get(receipt.get("seq")) != (name, {"n": name})
        ]
        if lost:
            yield Fault(LOST, f"acknowledged and not in the history: {_few(lost)}")
        ghosts = [_key(one)[0] for one in delivered if at.get(one.get("seq")) != _key(one)]
        if ghosts:
            yield Fault(UNSTORED, f"delivered and not in the history: {_few(ghosts)}")
        kept = sorted(self.refused & {_key(one)[0] for one in stored})
        if kept:
            yield Fault(NOT_REFUSED, f"refused and yet in the history: {_few(kept)}")

    def not_delivered(self, peers: Iterable[Peer]) -> Faults:
        """Demand that nobody got what was refused; each peer's line is read up to now."""
        for peer in peers:
            peer.command("ping")
            got = sorted(self.refused & {_key(one)[0] for one in peer.delivered})
            if got:
                yield Fault(UNSTORED, f"refused and yet delivered: {_few(got)}")


def _key(message: Frame) -> tuple[str, object]:
    return str(message.get("id")), message.get("payload")


def _short(answer: Frame) -> str:
    return f"{answer.get('error_code')} ({answer.get('error')})"


def _few(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
