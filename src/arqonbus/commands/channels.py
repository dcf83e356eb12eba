"""create_channel, delete_channel, list_channels, channel_info."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec

from arqonbus.bus.clock import rfc3339
from arqonbus.commands.context import Caller, Reply, Services
from arqonbus.commands.registry import Args, ChannelArgs, Command
from arqonbus.errors import StorageError, conflict
from arqonbus.model.action import Action
from arqonbus.routing.hub import Channel

_PAGE = 1000
# Channels of which a list asks whether the caller may know them, before others get on.
_TURN = 128


class DeleteArgs(ChannelArgs):
    """`discard_history` must be said to remove stored messages with the channel."""

    discard_history: bool = False


class ListArgs(Args):
    """`room` limits the list; `after` is the last ``room:channel`` of the page before."""

    room: str | None = None
    after: str = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=_PAGE)] = _PAGE


async def store_channel(services: Services, channel: Channel) -> None:
    """Make sure that the store holds the channel.

    Raises:
        StorageError: it does not, and a channel nobody uses is forgotten again.
    """
    if channel.stored:
        return
    try:
        info = await services.storage.create(channel.address, channel.epoch)
    except StorageError:
        if not (channel.subscribers or channel.bodies):
            services.bus.hub.forget(channel)
        raise
    if not channel.stored:
        channel.adopt(info)


def obtain(services: Services, caller: Caller, args: ChannelArgs) -> Channel:
    """The channel of these names, which is made if it is not there and the caller may make it.

    Raises:
        ArqonBusError: see `Hub.obtain`; FORBIDDEN if it is not there and may not be made.
    """
    address = caller.address(args.room, args.channel)
    if services.bus.hub.find(address) is None:
        caller.check(Action.CREATE, args.room, args.channel)
    return services.bus.hub.obtain(address)


async def create_channel(services: Services, caller: Caller, args: ChannelArgs) -> Reply:
    """Create a channel; it is stored when this returns."""
    channel = services.bus.hub.make(caller.address(args.room, args.channel))
    await store_channel(services, channel)
    return Reply(await describe(services, channel))


async def delete_channel(services: Services, caller: Caller, args: DeleteArgs) -> Reply:
    """Delete a channel that nobody has joined and that holds no message."""
    hub = services.bus.hub
    channel = hub.existing(caller.address(args.room, args.channel))
    if channel.subscribers:
        raise conflict(f"channel {channel.address} is not empty: {channel.subscribers} have joined")
    if services.groups.need(channel):
        raise conflict(f"channel {channel.address} is not empty: groups consume it; delete them")
    if services.delayed.needs(channel):
        raise conflict(f"channel {channel.address} is not empty: delayed messages wait for it")
    if not services.bus.settled(channel):
        raise conflict(f"channel {channel.address} is not empty: messages are being stored")
    channel.deleting = True
    try:
        await _remove(services, channel, discard_history=args.discard_history)
    finally:
        channel.deleting = not hub.holds(channel)
    return Reply({"room": args.room, "channel": args.channel, "deleted": True})


async def _remove(services: Services, channel: Channel, *, discard_history: bool) -> None:
    page = await services.bus.streams.read(channel, after=0, limit=1, max_bytes=1)
    if page is not None and page.messages and not discard_history:
        kept = page.info.last_seq - page.info.first_seq + 1
        raise conflict(
            f"channel {channel.address} is not empty: {kept} messages are stored; "
            "discard_history removes them with it"
        )
    await services.storage.delete(channel.address)
    services.bus.hub.forget(channel)


async def list_channels(services: Services, caller: Caller, args: ListArgs) -> Reply:
    """List the channels that the caller may use in any way, by name, in pages."""
    names = sorted(
        (str(channel.address), channel)
        for channel in services.bus.hub
        if channel.tenant == caller.principal.tenant
        and args.room in (None, channel.address.name)
        and str(channel.address) > args.after
    )
    found: list[tuple[str, Channel]] = []
    for looked_at, (name, channel) in enumerate(names, start=1):
        if caller.may(None, channel.address):
            found.append((name, channel))
        if len(found) > args.limit:
            break
        if not looked_at % _TURN:
            await asyncio.sleep(0)
    page = found[: args.limit]
    return Reply(
        {
            "channels": [brief(channel) for _, channel in page],
            "next_after": page[-1][0] if len(found) > len(page) else None,
        }
    )


async def channel_info(services: Services, caller: Caller, args: ChannelArgs) -> Reply:
    """Tell the state, as the store has it, of a channel that the caller may use in any way."""
    caller.check(None, args.room, args.channel)
    channel = services.bus.hub.existing(caller.address(args.room, args.channel))
    return Reply(await describe(services, channel))


def brief(channel: Channel) -> dict[str, object]:
    """What is known of a channel without asking the store."""
    return {
        "room": channel.address.name,
        "channel": channel.address.channel,
        "epoch": channel.epoch,
        "seq": channel.last_seq,
        "subscribers": channel.subscribers,
    }


async def describe(services: Services, channel: Channel) -> dict[str, object]:
    """All that is known of a channel."""
    page = await services.bus.streams.read(channel, after=0, limit=1, max_bytes=1)
    described = brief(channel) | {"durability": services.bus.hub.durability.wire}
    if page is None:
        return described | {"first_seq": 1, "messages": 0, "bytes": 0, "last_message": None}
    info = page.info
    return described | {
        "first_seq": info.first_seq,
        "messages": info.last_seq - info.first_seq + 1,
        "bytes": info.size,
        "last_message": rfc3339(info.last_timestamp) if info.last_timestamp else None,
    }


COMMANDS = (
    Command("create_channel", "Create a channel.", ChannelArgs, create_channel, Action.CREATE),
    Command(
        "delete_channel", "Delete an empty channel.", DeleteArgs, delete_channel, Action.DELETE
    ),
    Command("list_channels", "List channels.", ListArgs, list_channels, None),
    Command("channel_info", "Tell a channel's state.", ChannelArgs, channel_info, None),
)
