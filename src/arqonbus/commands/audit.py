"""audit.read: the audit log, for administrators."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import msgspec

from arqonbus.bus.clock import micros
from arqonbus.commands.context import Caller, Reply, Services
from arqonbus.commands.registry import Args, Command
from arqonbus.errors import ArqonBusError, ErrorCode, not_found
from arqonbus.model.action import Action
from arqonbus.model.address import check_name

if TYPE_CHECKING:
    from arqonbus.audit.records import Members

_PAGE = 1000


class AuditReadArgs(Args):
    """Begin after position `after` of the stream or at `since_time`; one position holds up to 64
    records. `tenant` limits the answer to records about one.
    """

    after: Annotated[int, msgspec.Meta(ge=0)] = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=_PAGE)] = 100
    since_time: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    tenant: str | None = None


async def read(services: Services, caller: Caller, args: AuditReadArgs) -> Reply:
    """One page. Only what is not limited to a tenant is a chain that can be verified; `head` is
    its newest record.
    """
    tenant = _tenant(caller, args.tenant)
    since = None if args.since_time is None else micros(args.since_time)
    head = await services.audit.head()
    got = await services.audit.page(after=args.after, limit=args.limit, since=since)
    if head is None or got is None:
        raise not_found("the audit log holds nothing yet")
    page, records = got
    answer: dict[str, object] = {
        "server": services.audit.server,
        "epoch": page.info.epoch,
        "first_seq": page.info.first_seq,
        "last_seq": page.info.last_seq,
        "next_after": page.messages[-1].seq if page.more and page.messages else None,
        "verifiable": tenant is None,
        "tenant": tenant,
    }
    if tenant is None:
        end = {"seq": head[0]} | {name: head[1][name] for name in ("position", "hash")}
        return Reply(answer | {"head": end, "records": records})
    return Reply(answer | {"head": None, "records": _about(records, tenant)})


def _tenant(caller: Caller, asked: str | None) -> str | None:
    """The tenant whose records may be read; None for all.

    Raises:
        ArqonBusError: FORBIDDEN.
    """
    principal = caller.principal
    if principal.anonymous:
        raise ArqonBusError(
            ErrorCode.FORBIDDEN, "the audit log is for administrators: connect with a token"
        )
    if asked is not None:
        check_name("tenant", asked)
    if caller.operator:
        return asked
    if asked not in {None, principal.tenant}:
        raise ArqonBusError(ErrorCode.FORBIDDEN, "tenant: only records about your own")
    return principal.tenant


def _about(records: list[Members], tenant: str) -> list[Members]:
    return [one for one in records if one.get("tenant") == tenant]


COMMANDS = (Command("audit.read", "Read the audit log.", AuditReadArgs, read, Action.ADMIN),)
