"""join_channel and leave_channel."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

import msgspec

from arqonbus.bus.fanout import chunk_for
from arqonbus.commands.channels import obtain, store_channel
from arqonbus.commands.context import Caller, Reply, Services
from arqonbus.commands.registry import ChannelArgs, Command
from arqonbus.errors import LimitError, StorageError, conflict, invalid, not_found
from arqonbus.model.action import Action
from arqonbus.routing.hub import Channel
from arqonbus.storage.interface import Page

_REPLAY_MESSAGES = 512
_REPLAY_BYTES = 256 * 1024


class Since(msgspec.Struct, forbid_unknown_fields=True):
    """The last position seen: 0 is from the beginning, and needs no epoch."""

    seq: Annotated[int, msgspec.Meta(ge=0)]
    epoch: str | None = None


class JoinArgs(ChannelArgs):
    """`since` asks for what was missed after a position."""

    since: Since | None = None


async def join_channel(services: Services, caller: Caller, args: JoinArgs) -> Reply:
    """Subscribe, after replaying what was missed if `since` says where to begin."""
    _check_since(args.since)
    _check_rights(caller, args.room, args.channel, history=args.since is not None)
    channel = obtain(services, caller, args)
    if (
        channel not in caller.joined
        and len(caller.joined) >= services.limits.channels_per_connection
    ):
        raise LimitError(
            "limits.channels_per_connection",
            f"this connection has joined {len(caller.joined)} channels",
        )
    await store_channel(services, channel)
    if args.since is None:
        _check_rights(caller, args.room, args.channel, history=False)
        return Reply(_subscribe(services, caller, channel))
    if channel in caller.joined:
        raise conflict(f"{channel.address} is joined already; leave it to join with since")
    return await _resume(services, caller, channel, args.since)


def _check_since(since: Since | None) -> None:
    if since is not None and since.seq > 0 and since.epoch is None:
        raise invalid("args: since.epoch is needed with a position above 0")


def _check_rights(caller: Caller, room: str, channel: str, *, history: bool) -> None:
    """Again after whatever was waited for, since rights may have been lost meanwhile."""
    caller.check(Action.SUBSCRIBE, room, channel)
    if history:
        caller.check(Action.HISTORY, room, channel)


def _subscribe(services: Services, caller: Caller, channel: Channel) -> dict[str, object]:
    if services.bus.hub.existing(channel.address) is not channel:
        raise conflict(f"{channel.address} was deleted and made anew meanwhile: join it again")
    if channel not in caller.joined:
        services.joined.take(caller.principal, caller.client_id)
    channel.add(caller.connection)
    caller.joined[channel] = None
    return _position(services, channel)


def _position(services: Services, channel: Channel) -> dict[str, object]:
    return {
        "room": channel.address.name,
        "channel": channel.address.channel,
        "epoch": channel.epoch,
        "seq": channel.last_seq,
        "durability": services.bus.hub.durability.wire,
        "subscribers": channel.subscribers,
    }


async def _resume(services: Services, caller: Caller, channel: Channel, since: Since) -> Reply:
    page = await _read(services, channel, since.seq)
    _check_rights(caller, channel.address.name, channel.address.channel, history=True)
    known_epoch = since.epoch in (None, channel.epoch)
    if not known_epoch or page is None or since.seq > channel.last_seq:
        return Reply(
            _subscribe(services, caller, channel) | {"recovered": "unknown", "replayed": 0}
        )
    first = page.info.first_seq
    complete = first <= since.seq + 1
    payload = _position(services, channel) | {
        # As of the page, like `replayed`: the channel itself may have gone on meanwhile.
        "seq": page.info.last_seq,
        "recovered": "complete" if complete else "truncated",
        "first_seq": first,
        "replayed": page.info.last_seq - max(since.seq, first - 1),
    }
    return Reply(payload, _replay(services, caller, channel, since.seq, page))


async def _read(services: Services, channel: Channel, after: int) -> Page | None:
    return await services.bus.streams.read(
        channel, after=after, limit=_REPLAY_MESSAGES, max_bytes=_REPLAY_BYTES
    )


def _replay(
    services: Services, caller: Caller, channel: Channel, after: int, first_page: Page
) -> Callable[[], Awaitable[None]]:
    """Send page after page; subscribe in the same breath in which nothing is left to send."""
    epoch = channel.epoch

    async def run() -> None:
        page: Page | None = first_page
        position = after
        while page is not None:
            if channel.epoch != epoch:
                raise StorageError(f"{channel.address} began a new epoch: join it again")
            _check_rights(caller, channel.address.name, channel.address.channel, history=True)
            sent = _send_page(caller, channel, page, position)
            if sent is None:
                return
            position = sent
            if position >= channel.last_seq:
                _subscribe(services, caller, channel)
                return
            await caller.connection.room()
            page = await _read(services, channel, position)
        raise not_found(f"channel {channel.address} was deleted meanwhile")

    return run


def _send_page(caller: Caller, channel: Channel, page: Page, position: int) -> int | None:
    """Queue a page's messages, and a gap for what retention took before them: the position they
    reach, or None when the connection is closing.
    """
    if page.info.first_seq > position + 1:
        gone = page.info.first_seq - 1
        gap = caller.gap_frame(channel, channel.epoch, position + 1, gone, "retention")
        caller.connection.send(gap)
        position = page.info.first_seq - 1
    if not page.messages:
        return position
    bodies = [message.body for message in page.messages]
    first = page.messages[0].seq
    if first != position + 1:
        raise RuntimeError(f"{channel.address}: read {first} after {position}")
    chunk = chunk_for(channel, bodies, first, binary=caller.connection.binary)
    return page.messages[-1].seq if caller.connection.replay(chunk, len(bodies)) else None


async def leave_channel(services: Services, caller: Caller, args: ChannelArgs) -> Reply:
    """Get no more of a channel."""
    address = caller.address(args.room, args.channel)
    channel = services.bus.hub.find(address)
    if channel is None or channel not in caller.joined:
        # Who may not use a channel in any way must not learn from this that it is there.
        caller.check(None, args.room, args.channel)
        raise conflict(f"{services.bus.hub.existing(address).address} is not joined")
    channel.remove(caller.connection)
    del caller.joined[channel]
    services.joined.give(caller.principal, caller.client_id)
    return Reply({"room": args.room, "channel": args.channel, "left": True})


COMMANDS = (
    Command("join_channel", "Subscribe to a channel.", JoinArgs, join_channel, Action.SUBSCRIBE),
    Command("leave_channel", "End a subscription.", ChannelArgs, leave_channel, None),
)
