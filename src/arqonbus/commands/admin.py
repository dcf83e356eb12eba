"""admin.revoke and admin.reload: what administrators do to tokens and to policies."""

from __future__ import annotations

import unicodedata
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Annotated, Any, Protocol

import msgspec

from arqonbus.commands.context import Reply, Services
from arqonbus.commands.registry import Args, Command, NoArgs
from arqonbus.errors import ArqonBusError, ErrorCode, invalid
from arqonbus.model.action import Action
from arqonbus.model.address import check_name
from arqonbus.model.principal import Principal
from arqonbus.revocation.records import Record, SubjectRevoked, TokenRevoked
from arqonbus.telemetry.security import EventKind, SecurityEvent

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]


class RevokeArgs(Args):
    """Either `token_id` (a token's `jti`) or `subject` (all its tokens issued up to now).

    `tenant` is the caller's own unless the caller administers the server. `until` (seconds since
    1970) is the token's `exp`, after which nothing need be remembered. `reason` is for the audit
    log.
    """

    token_id: _Name | None = None
    subject: _Name | None = None
    tenant: str | None = None
    until: Annotated[float, msgspec.Meta(gt=0)] | None = None
    reason: Annotated[str, msgspec.Meta(max_length=256)] = ""


class Administrator(Protocol):
    """Who administers, over whichever way."""

    client_id: str
    principal: Principal

    @property
    def from_address(self) -> str:
        """See `Caller.from_address`."""
        ...

    @property
    def operator(self) -> bool:
        """See `Caller.operator`."""
        ...


async def revoke(services: Services, caller: Administrator, args: RevokeArgs) -> Reply:
    """Take tokens back: their connections are closed at once, and a restart remembers."""
    tenant = _tenant(caller, args.tenant)
    record = _record(services, tenant, args)
    whom = args.subject or args.token_id or ""
    services.revocations.check(record)
    await services.audit.record_now(_revocation(caller, tenant, whom, args))
    closed = await services.revocations.revoke(record)
    level = services.bus.hub.durability.wire
    return Reply({"tenant": tenant, "revoked": whom, "closed": closed, "durability": level})


def _record(services: Services, tenant: str, args: RevokeArgs) -> Record:
    if (args.token_id is None) == (args.subject is None):
        raise invalid("args: give token_id or subject")
    _check_spelling(args.token_id or "", args.subject or "")
    if args.token_id is not None:
        return TokenRevoked(tenant=tenant, token_id=args.token_id, until=args.until)
    if args.until is not None:
        raise invalid("args: until goes with token_id")
    now = services.bus.tick.now() / 1e6
    return SubjectRevoked(tenant=tenant, subject=args.subject or "", before=now)


def _check_spelling(token_id: str, subject: str) -> None:
    """Refuse what no token says (`shield.tokens`): "revoked" would be told of nothing."""
    if not (token_id.isprintable() and subject.isprintable()):
        raise invalid("args: token_id and subject hold printable characters only, as in a token")
    if not unicodedata.is_normalized("NFC", subject):
        raise invalid("args: subject is not in Unicode's normal form C, as every token's is")


def _tenant(caller: Administrator, asked: str | None) -> str:
    own = caller.principal.tenant
    if asked is None or asked == own:
        return own
    if not caller.operator:
        raise ArqonBusError(
            ErrorCode.FORBIDDEN,
            "tenant: only your own",
            about="admin.revoke in another tenant",
        )
    return check_name("tenant", asked)


async def reload(services: Services, caller: Administrator, _args: NoArgs) -> Reply:
    """Read keys, policies and certificates anew: all of it, or nothing."""
    if not caller.operator:
        raise ArqonBusError(
            ErrorCode.FORBIDDEN,
            "only those who administer the server may do that",
            about="admin.reload by an administrator of a tenant",
        )
    await services.audit.record_now(_event(caller, EventKind.ADMIN, "reload"))
    return Reply(services.reloads.reload())


def _revocation(caller: Administrator, tenant: str, whom: str, args: RevokeArgs) -> SecurityEvent:
    """A record of the tenant that it concerns, whoever does it."""
    own = caller.principal.tenant
    detail: dict[str, str | int] = {} if tenant == own else {"by_tenant": own}
    if args.reason:
        detail["reason"] = args.reason
    what = "token" if args.subject is None else "subject"
    about = _event(caller, EventKind.REVOCATION, what)
    return replace(about, tenant=tenant, target=f"{tenant}/{whom}", detail=detail)


def _event(caller: Administrator, kind: EventKind, what: str) -> SecurityEvent:
    return SecurityEvent(
        kind,
        what,
        tenant=caller.principal.tenant,
        subject=caller.principal.subject,
        client_id=caller.client_id,
        address=caller.from_address,
    )


# What can be asked over HTTP too.
RUNS: Mapping[
    str,
    tuple[
        type[Args],
        Callable[[Services, Administrator, Any], Awaitable[Reply]],  # Any: the command's own Args
    ],
] = {"admin.revoke": (RevokeArgs, revoke), "admin.reload": (NoArgs, reload)}

COMMANDS = (
    Command("admin.revoke", "Take tokens back, at once.", RevokeArgs, revoke, Action.ADMIN),
    Command("admin.reload", "Read policies and keys anew.", NoArgs, reload, Action.ADMIN),
)
