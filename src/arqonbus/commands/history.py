"""history: read a channel's messages back, by position or by time."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from arqonbus.bus.clock import micros, rfc3339
from arqonbus.commands.context import Caller, Reply, Services
from arqonbus.commands.registry import ChannelArgs, Command
from arqonbus.errors import invalid, not_found
from arqonbus.model.action import Action
from arqonbus.protocol import wire
from arqonbus.routing.hub import Channel
from arqonbus.storage.interface import Page

_MAX_BYTES = 512 * 1024
_MESSAGES = 100
Time = Annotated[datetime, msgspec.Meta(tz=True)]


class HistoryArgs(ChannelArgs):
    """Begin after position `after` or at `since_time`; without both, the newest `limit` messages
    (100, unless the server's pages are smaller).

    `epoch` is the stream's that `after` is a position of: if that is over, or ends before `after`,
    the answer is unknown. `until_time` ends the range (not included). Times are RFC 3339 and mean
    commit times.
    """

    after: Annotated[int, msgspec.Meta(ge=0)] | None = None
    epoch: str | None = None
    limit: Annotated[int, msgspec.Meta(ge=1)] | None = None
    since_time: Time | None = None
    until_time: Time | None = None


async def history(services: Services, caller: Caller, args: HistoryArgs) -> Reply:
    """One page, with whether anything before it in the range is gone."""
    most = services.limits.history_page
    limit = min(_MESSAGES, most) if args.limit is None else args.limit
    if limit > most:
        raise invalid(f"args: limit is at most {most}")
    if args.after is not None and args.since_time is not None:
        raise invalid("args: give after or since_time, not both")
    channel = services.bus.hub.existing(caller.address(args.room, args.channel))
    after = await _start(services, channel, args, limit)
    page = await services.bus.streams.read(channel, after=after, limit=limit, max_bytes=_MAX_BYTES)
    if page is None:
        raise not_found(f"channel {channel.address} holds nothing yet")
    never_given = args.after is not None and args.after > page.info.last_seq
    if never_given or args.epoch not in (None, page.info.epoch):
        return Reply(_unknown(channel, page))
    return Reply(_answer(channel, page, after, args))


async def _start(services: Services, channel: Channel, args: HistoryArgs, limit: int) -> int:
    if args.after is not None:
        return args.after
    if args.since_time is not None:
        return await _position_at(services, channel, args.since_time)
    end = channel.last_seq
    if args.until_time is not None:
        end = min(end, await _position_at(services, channel, args.until_time))
    return max(0, end - limit)


async def _position_at(services: Services, channel: Channel, time: datetime) -> int:
    position = await services.storage.position_at(channel.address, micros(time))
    return 0 if position is None else position


def _range(channel: Channel, page: Page) -> dict[str, object]:
    return {
        "room": channel.address.name,
        "channel": channel.address.channel,
        "epoch": page.info.epoch,
        "first_seq": page.info.first_seq,
        "last_seq": page.info.last_seq,
    }


def _unknown(channel: Channel, page: Page) -> dict[str, object]:
    return _range(channel, page) | {"complete": "unknown", "messages": [], "next_after": None}


def _answer(channel: Channel, page: Page, after: int, args: HistoryArgs) -> dict[str, object]:
    until = None if args.until_time is None else micros(args.until_time)
    kept = [m for m in page.messages if until is None or m.timestamp < until]
    ended = len(kept) < len(page.messages)
    # By time nobody knows what was removed: if anything was, and the range begins there, say so.
    begins_at_edge = args.since_time is not None and after + 1 == page.info.first_seq > 1
    truncated = page.info.first_seq > after + 1 or begins_at_edge
    return _range(channel, page) | {
        "complete": "truncated" if truncated else "complete",
        "messages": [
            msgspec.json.decode(wire.message_json(channel.head, m.seq, m.body))
            | {"stored_at": rfc3339(m.timestamp)}
            for m in kept
        ],
        "next_after": kept[-1].seq if kept and page.more and not ended else None,
    }


COMMANDS = (Command("history", "Read messages back.", HistoryArgs, history, Action.HISTORY),)
