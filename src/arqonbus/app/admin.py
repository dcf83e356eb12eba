"""Administrators' requests that come over HTTP: the same commands, the same checks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from arqonbus.commands.admin import RUNS
from arqonbus.errors import ArqonBusError, ErrorCode, invalid
from arqonbus.gateway.member import Member
from arqonbus.model.action import Action
from arqonbus.shield.binding import check_binding
from arqonbus.telemetry.security import EventKind, SecurityEvent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from arqonbus.api.interface import Caller
    from arqonbus.commands.context import Services
    from arqonbus.model.principal import Principal
    from arqonbus.telemetry.security import SecurityEvents


class HttpAdministrator(Member):
    """Implements `commands.admin.Administrator` for one request."""

    def __init__(self, services: Services, principal: Principal, address: str) -> None:
        super().__init__(principal, services.guard, services.bus.hub)
        self.client_id = ""
        self._address = address

    @property
    def from_address(self) -> str:
        """See `Caller.from_address`."""
        return self._address


class Admin:
    """Implements `api.interface.Admin`."""

    def __init__(self, services: Services, events: SecurityEvents) -> None:
        self._services = services
        self._events = events

    async def run(self, caller: Caller, command: str, args: Mapping[str, object]) -> object:
        """See `api.interface.Admin.run`."""
        principal = self._services.authenticator.authenticate(caller.token)
        check_binding(principal, caller.certificate)
        administrator = HttpAdministrator(self._services, principal, caller.address)
        try:
            return await self._run(administrator, command, args)
        except ArqonBusError as error:
            if error.code is ErrorCode.FORBIDDEN:
                self._report(administrator, error)
            raise

    async def _run(
        self, administrator: HttpAdministrator, command: str, args: Mapping[str, object]
    ) -> object:
        administrator.check(Action.ADMIN)
        kind, run = RUNS[command]
        try:
            wanted = msgspec.convert(dict(args), kind)
        except msgspec.ValidationError as error:
            raise invalid(f"args: {error}") from error
        reply = await run(self._services, administrator, wanted)
        return reply.payload

    def _report(self, administrator: HttpAdministrator, error: ArqonBusError) -> None:
        self._events.report(
            SecurityEvent(
                EventKind.REFUSAL,
                error.code.value,
                tenant=administrator.principal.tenant,
                subject=administrator.principal.subject,
                address=administrator.from_address,
                target=error.about,
            )
        )
