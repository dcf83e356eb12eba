"""delayed.list and delayed.cancel: messages that wait for their time."""

from __future__ import annotations

from typing import Annotated

import msgspec

from arqonbus.bus.clock import rfc3339
from arqonbus.bus.fields import checked_id
from arqonbus.commands.context import Caller, Reply, Services
from arqonbus.commands.registry import ChannelArgs, Command
from arqonbus.delayed.schedule import Key
from arqonbus.model.action import Action
from arqonbus.protocol import wire

_PAGE = 1000


class DelayedListArgs(ChannelArgs):
    """`after` is the last number of the page before."""

    after: Annotated[int, msgspec.Meta(ge=0)] = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=_PAGE)] = _PAGE


class CancelArgs(ChannelArgs):
    """`id` is that of the publish."""

    id: str


async def list_delayed(services: Services, caller: Caller, args: DelayedListArgs) -> Reply:
    """List the messages that wait for a channel, by arrival, in pages."""
    waiting = services.delayed.waiting(caller.address(args.room, args.channel))
    found = [item for item in waiting if item.number > args.after]
    page = found[: args.limit]
    messages = [
        {
            "number": item.number,
            "id": item.message_id,
            "deliver_at": rfc3339(item.at),
            "sender": wire.body_sender(item.body),
            "bytes": len(item.body),
        }
        for item in page
    ]
    more = len(found) > len(page)
    return Reply({"messages": messages, "next_after": page[-1].number if more else None})


async def cancel(services: Services, caller: Caller, args: CancelArgs) -> Reply:
    """Take a message back; the answer is the receipt that this is stored."""
    key = Key(
        *caller.address(args.room, args.channel), caller.dedup_scope + checked_id(args.id).decode()
    )
    item = await services.delayed.cancel(key)
    return Reply(
        {
            "room": args.room,
            "channel": args.channel,
            "id": args.id,
            "cancelled": True,
            "deliver_at": rfc3339(item.at),
            "durability": services.bus.hub.durability.wire,
        }
    )


COMMANDS = (
    Command(
        "delayed.list",
        "List messages that wait for a channel.",
        DelayedListArgs,
        list_delayed,
        Action.HISTORY,
    ),
    Command(
        "delayed.cancel",
        "Take back a message of yours before its time.",
        CancelArgs,
        cancel,
        Action.PUBLISH,
    ),
)
