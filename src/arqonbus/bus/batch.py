"""What waits for the next commit, and how much of it one commit takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from arqonbus.config.limits import LimitSettings
    from arqonbus.model.durability import Durability
    from arqonbus.routing.hub import Channel, Receipt, Waiter


@dataclass(slots=True)
class Taken:
    """One channel's part of a commit: bodies in order, who wants a receipt for which, and what
    level some of them require, by index. `epoch` and `after` say where in the stream it goes.
    """

    channel: Channel
    bodies: list[bytes]
    receipts: list[Receipt]
    requires: dict[int, Durability]
    waiters: list[Waiter]
    size: int
    epoch: str = ""
    after: int = 0

    def leave_out(self, indices: set[int]) -> None:
        """Forget these messages; those behind them move up."""
        kept = (index for index in range(len(self.bodies)) if index not in indices)
        at = {old: new for new, old in enumerate(kept)}
        self.bodies = [self.bodies[old] for old in at]
        self.receipts = [(at[i], peer, rid) for i, peer, rid in self.receipts if i in at]
        self.requires = {at[i]: level for i, level in self.requires.items() if i in at}
        self.waiters = [(at[i], done) for i, done in self.waiters if i in at]
        self.size = sum(map(len, self.bodies))
        self.channel.ids.leave_out(indices)


class Waiting:
    """The channels with messages that wait, in order of arrival.

    `size` is the bytes of all that waits, as of the last `measure`.
    """

    def __init__(self, limits: LimitSettings) -> None:
        self.channels: list[Channel] = []
        self.size = 0
        self._messages = limits.batch_messages
        self._bytes = limits.batch_bytes

    def measure(self) -> int:
        """Count what came since the last time, once a tick and not once a message: how many, the
        bus' own records apart.
        """
        count = 0
        for channel in self.channels:
            new = channel.bodies[channel.measured :] if channel.measured else channel.bodies
            count += 0 if channel.own else len(new)
            size = sum(map(len, new))
            channel.measured = len(channel.bodies)
            channel.waiting_bytes += size
            self.size += size
        return count

    @property
    def messages(self) -> int:
        """How many messages wait, as of the last `measure`."""
        return sum(channel.measured for channel in self.channels if not channel.own)

    def take(self) -> list[Taken]:
        """What the next commit holds: at least one message; whole channels if they fit.

        Every tenant gets the same share of it, and what one doesn't need is shared by the others,
        so that who has much to store delays only himself. The bus' own records go first.
        """
        turns = self._turns()
        taken: list[Taken] = []
        messages, size = self._messages, self._bytes
        for index, channels in enumerate(turns):
            if messages <= 0 or size <= 0:
                break
            # Those with the least come first: what they leave over is for those with more.
            sharing = 1 if channels[0].own else len(turns) - index
            pieces = _take_from(channels, -(-messages // sharing), -(-size // sharing))
            messages -= sum(len(piece.bodies) for piece in pieces)
            size -= sum(piece.size for piece in pieces)
            taken += pieces
        self.size -= sum(piece.size for piece in taken)
        self.channels = [channel for channel in self.channels if channel.bodies]
        return taken

    def _turns(self) -> list[list[Channel]]:
        """The channels that wait, by tenant, in the order in which they are taken."""
        tenants: dict[str, list[Channel]] = {}
        for channel in self.channels:
            tenants.setdefault(channel.tenant, []).append(channel)
        if len(tenants) <= 1:
            return list(tenants.values())
        own = tenants.pop("", [])
        rest = sorted(tenants.values(), key=lambda them: sum(c.measured for c in them))
        return [own, *rest] if own else rest

    def sizes(self) -> dict[str, int]:
        """The bytes that wait, by tenant."""
        sizes: dict[str, int] = {}
        for channel in self.channels:
            sizes[channel.tenant] = sizes.get(channel.tenant, 0) + channel.waiting_bytes
        return sizes


def _take_from(channels: list[Channel], messages: int, size: int) -> list[Taken]:
    """So much of the channels of one tenant, in order."""
    taken = []
    for channel in channels:
        if messages <= 0 or size <= 0:
            break
        if channel.measured <= messages and channel.waiting_bytes <= size:
            piece = _take_all(channel)
        else:
            piece = _take_some(channel, _fitting(channel.bodies, messages, size))
        taken.append(piece)
        messages -= len(piece.bodies)
        size -= piece.size
    return taken


def _fitting(bodies: list[bytes], messages: int, size: int) -> int:
    """How many of the first bodies fit; at least one, so that a batch always gets on."""
    count = 0
    for body in bodies[:messages]:
        if size <= 0:
            break
        size -= len(body)
        count += 1
    return count


def _take_all(channel: Channel) -> Taken:
    taken = Taken(
        channel,
        channel.bodies,
        channel.receipts,
        channel.requires,
        channel.waiters,
        channel.waiting_bytes,
    )
    channel.ids.take(len(channel.bodies))
    channel.bodies, channel.receipts = [], []
    channel.requires, channel.waiters = {}, []
    channel.measured = channel.waiting_bytes = 0
    return taken


def _take_some(channel: Channel, count: int) -> Taken:
    """Take the first `count` waiting messages with their receipts and ids."""
    bodies, receipts = channel.bodies[:count], channel.receipts
    size = sum(map(len, bodies))
    channel.ids.take(count)
    channel.bodies = channel.bodies[count:]
    channel.receipts = [(i - count, peer, rid) for i, peer, rid in receipts if i >= count]
    requires, waiters = channel.requires, channel.waiters
    channel.requires = {i - count: level for i, level in requires.items() if i >= count}
    channel.waiters = [(i - count, done) for i, done in waiters if i >= count]
    channel.measured -= count
    channel.waiting_bytes -= size
    return Taken(
        channel,
        bodies,
        [entry for entry in receipts if entry[0] < count],
        {i: level for i, level in requires.items() if i < count},
        [entry for entry in waiters if entry[0] < count],
        size,
    )
