"""auth.refresh: another token for the same subject, before the present one ends."""

from __future__ import annotations

from typing import Annotated

import msgspec

from arqonbus.commands.context import Caller, Reply, Services
from arqonbus.commands.registry import Args, Command
from arqonbus.errors import ArqonBusError, ErrorCode, conflict
from arqonbus.shield.binding import check_binding

_MAX_CHARS = 8 * 1024


class RefreshArgs(Args):
    """`token` is of the same subject and tenant as the one that the connection was made with."""

    token: Annotated[str, msgspec.Meta(min_length=1, max_length=_MAX_CHARS)]


async def refresh(services: Services, caller: Caller, args: RefreshArgs) -> Reply:
    """Go on as what the new token says; what it does not allow any more ends."""
    before = caller.principal
    if before.anonymous:
        raise conflict("there is no authentication, so there is no token to refresh")
    principal = services.authenticator.authenticate(args.token)
    check_binding(principal, caller.connection.certificate)
    if (principal.subject, principal.tenant) != (before.subject, before.tenant):
        raise ArqonBusError(
            ErrorCode.FORBIDDEN,
            "token: it is of another subject or tenant; make another connection with it",
            about="auth.refresh with another subject's token",
        )
    caller.become(principal)
    return Reply(
        {
            "subject": principal.subject,
            "tenant": principal.tenant,
            "expires": principal.expires,
        }
    )


COMMANDS = (
    Command("auth.refresh", "Go on with another token of yours.", RefreshArgs, refresh, None),
)
