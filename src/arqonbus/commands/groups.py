"""group.join and what workers and their operators do with a group."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from arqonbus.commands.channels import obtain, store_channel
from arqonbus.commands.context import Caller, Reply, Services
from arqonbus.commands.registry import Args, ChannelArgs, Command
from arqonbus.errors import conflict, invalid
from arqonbus.groups.group import Group, Outcome
from arqonbus.groups.records import Terms
from arqonbus.model.action import Action
from arqonbus.model.address import check_name
from arqonbus.routing.hub import Channel

_PAGE = 1000
_DAY = 86_400

Seq = Annotated[int, msgspec.Meta(ge=1)]
Seqs = Annotated[list[Seq], msgspec.Meta(min_length=1, max_length=_PAGE)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=7 * _DAY)]
Limit = Annotated[int, msgspec.Meta(ge=1, le=_PAGE)]


class GroupArgs(ChannelArgs):
    """A group by its names."""

    group: str


class Start(msgspec.Struct, forbid_unknown_fields=True):
    """The last position that a new group is not to get."""

    seq: Annotated[int, msgspec.Meta(ge=0)]
    epoch: str


class JoinGroupArgs(GroupArgs):
    """`credits`: how many tasks at a time. The rest is for a group that is made by this: `start`
    (`new`, `beginning` or a position), `visibility_timeout` in seconds, `max_attempts`, and the
    channel for dead letters, of the same room. They are refused if the group is there with others.
    """

    credits: Annotated[int, msgspec.Meta(ge=1)] | None = None
    start: Literal["new", "beginning"] | Start = "new"
    visibility_timeout: Annotated[float, msgspec.Meta(ge=0.05, le=7 * _DAY)] | None = None
    max_attempts: Annotated[int, msgspec.Meta(ge=1, le=1000)] | None = None
    dead_letter: str | None = None


class SettleArgs(GroupArgs):
    """Tasks by their positions, all of one epoch."""

    seqs: Seqs
    epoch: str


class NackArgs(SettleArgs):
    """`delay`: seconds for which nobody gets them."""

    delay: Seconds = 0.0


class PendingArgs(GroupArgs):
    """`after` is the last position of the page before."""

    after: Annotated[int, msgspec.Meta(ge=0)] = 0
    limit: Limit = _PAGE


class ClaimArgs(GroupArgs):
    """Tasks that others have had for `min_idle` seconds or longer."""

    min_idle: Seconds
    limit: Limit = 100


class ListGroupsArgs(Args):
    """`room` and `channel` limit the list; `after` is the last ``room:channel:group`` of the page
    before.
    """

    room: str | None = None
    channel: str | None = None
    after: str = ""
    limit: Limit = _PAGE


async def join(services: Services, caller: Caller, args: JoinGroupArgs) -> Reply:
    """Become a worker of a group, which is made if it is not there."""
    settings = services.groups.settings
    if not settings.enabled:
        raise conflict("consumer groups are switched off (groups.enabled)")
    credit = settings.max_in_flight if args.credits is None else args.credits
    if credit > settings.max_in_flight:
        raise invalid(f"args: credits is at most {settings.max_in_flight}")
    address = caller.address(args.room, args.channel)
    group = services.groups.find(address, args.group)
    created = group is None
    if group is None:
        group = await _create(services, caller, args)
    _check_terms(group, args)
    # Again, since it may have been lost while the group was made.
    caller.check(Action.GROUP, args.room, args.channel)
    services.groups.join(group, caller, credit)
    level = services.bus.hub.durability.wire
    answer = {"created": created, "credits": credit, "durability": level}
    return Reply(group.report() | answer)


async def _create(services: Services, caller: Caller, args: JoinGroupArgs) -> Group:
    terms = _terms(services, caller, args)
    channel = obtain(services, caller, args)
    await store_channel(services, channel)
    after = await _start(services, channel, args.start)
    return await services.groups.create(channel, args.group, terms, after)


def _terms(services: Services, caller: Caller, args: JoinGroupArgs) -> Terms:
    settings = services.groups.settings
    check_name("group", args.group)
    dead_letter = args.dead_letter or f"{args.channel}.dead"
    check_name("dead_letter", dead_letter)
    letters = caller.publishing(args.room, dead_letter)
    if services.bus.hub.find(letters) is None:
        caller.check(Action.CREATE, args.room, dead_letter)
    if not services.limits.auto_create_channels:
        services.bus.hub.existing(letters)
    if dead_letter == args.channel:
        raise invalid("args: dead_letter must be another channel than that of the group")
    return Terms(
        visibility=_micros(args.visibility_timeout or settings.visibility_timeout),
        max_attempts=args.max_attempts or settings.max_attempts,
        dead_letter=dead_letter,
    )


async def _start(services: Services, channel: Channel, start: str | Start) -> int:
    """The position behind which a new group begins."""
    if isinstance(start, Start):
        if start.epoch != channel.epoch or start.seq > channel.last_seq:
            raise conflict(f"start: {channel.address} is at {channel.last_seq} of {channel.epoch}")
        return start.seq
    if start == "new":
        return channel.last_seq
    page = await services.bus.streams.read(channel, after=0, limit=1, max_bytes=1)
    return 0 if page is None else page.info.first_seq - 1


def _check_terms(group: Group, args: JoinGroupArgs) -> None:
    terms = group.terms
    timeout = args.visibility_timeout
    for name, asked, there in (
        ("visibility_timeout", timeout and _micros(timeout) / 1e6, terms.visibility / 1e6),
        ("max_attempts", args.max_attempts, terms.max_attempts),
        ("dead_letter", args.dead_letter, terms.dead_letter),
    ):
        if asked is not None and asked != there:
            raise conflict(f"group {args.group} exists with {name} {there}, not {asked}")


def _micros(seconds: float) -> int:
    return round(seconds * 1_000_000)


async def leave(services: Services, caller: Caller, args: GroupArgs) -> Reply:
    """Be no worker any more; tasks that are not settled go to the others."""
    group = _joined(services, caller, args)
    services.groups.leave(group, caller.client_id)
    return Reply(group.label | {"left": True})


async def ack(services: Services, caller: Caller, args: SettleArgs) -> Reply:
    """Tasks are done; the answer is the receipt that this is stored."""
    group = _group(services, caller, args)
    outcome = await group.ack(caller.client_id, args.seqs, args.epoch)
    return Reply(_settled(services, group, "acked", outcome))


async def nack(services: Services, caller: Caller, args: NackArgs) -> Reply:
    """Tasks are to be done by somebody, after a while."""
    group = _group(services, caller, args)
    outcome = await group.nack(caller.client_id, args.seqs, args.epoch, _micros(args.delay))
    return Reply(_settled(services, group, "nacked", outcome))


def _settled(services: Services, group: Group, done: str, outcome: Outcome) -> dict[str, object]:
    return {
        **group.label,
        "epoch": group.state.epoch,
        "durability": services.bus.hub.durability.wire,
        done: outcome.done,
        "settled": outcome.settled,
        "refused": outcome.refused,
    }


async def pending(services: Services, caller: Caller, args: PendingArgs) -> Reply:
    """Tell a group's figures, and which tasks are with whom."""
    group = _group(services, caller, args)
    now = services.bus.tick.now()
    seqs = sorted(seq for seq in group.state.held if seq > args.after)
    tasks = [
        {
            "seq": seq,
            "worker": group.state.held[seq].worker,
            "attempt": group.state.held[seq].attempts,
            "age": max(0, now - group.state.held[seq].since) / 1e6,
        }
        for seq in seqs[: args.limit]
    ]
    more = len(seqs) > args.limit
    return Reply(
        group.report() | {"tasks": tasks, "next_after": tasks[-1]["seq"] if more else None}
    )


async def claim(services: Services, caller: Caller, args: ClaimArgs) -> Reply:
    """Take over tasks that others have had for long; they follow as tasks."""
    group = _joined(services, caller, args)
    claimed = await group.claim(caller.client_id, _micros(args.min_idle), args.limit)
    return Reply(group.label | {"epoch": group.state.epoch, "claimed": claimed})


async def list_groups(services: Services, caller: Caller, args: ListGroupsArgs) -> Reply:
    """List the groups that the caller may use, by name, in pages."""
    names = sorted(
        (":".join(group.label.values()), group)
        for group in services.groups
        if caller.may(Action.GROUP, group.channel.address)
        and args.room in (None, group.channel.address.name)
        and args.channel in (None, group.channel.address.channel)
        and ":".join(group.label.values()) > args.after
    )
    page = names[: args.limit]
    return Reply(
        {
            "groups": [group.report() for _, group in page],
            "next_after": page[-1][0] if len(names) > len(page) else None,
        }
    )


async def delete(services: Services, caller: Caller, args: GroupArgs) -> Reply:
    """End a group that nobody has joined: what it had not settled is nobody's any more."""
    group = _group(services, caller, args)
    await services.groups.delete(group)
    return Reply(group.label | {"deleted": True, "unsettled": group.state.unsettled})


def _group(services: Services, caller: Caller, args: GroupArgs) -> Group:
    return services.groups.get(caller.address(args.room, args.channel), args.group)


def _joined(services: Services, caller: Caller, args: GroupArgs) -> Group:
    group = _group(services, caller, args)
    if caller.client_id not in group.peers:
        raise conflict(f"group {args.group} is not joined")
    return group


_GROUP = Action.GROUP
COMMANDS = (
    Command("group.join", "Become a worker of a consumer group.", JoinGroupArgs, join, _GROUP),
    Command("group.leave", "Leave a group; its open tasks go to others.", GroupArgs, leave, _GROUP),
    Command("group.ack", "Settle tasks that are done.", SettleArgs, ack, _GROUP),
    Command("group.nack", "Give tasks back, to be done later.", NackArgs, nack, _GROUP),
    Command("group.pending", "Tell a group's open tasks.", PendingArgs, pending, _GROUP),
    Command("group.claim", "Take over tasks of others.", ClaimArgs, claim, _GROUP),
    Command("group.list", "List groups.", ListGroupsArgs, list_groups, None),
    Command("group.delete", "End a group that nobody has joined.", GroupArgs, delete, _GROUP),
)
