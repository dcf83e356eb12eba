"""A peer as a member of its tenant: what it may do, and where the names it uses lead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from arqonbus.errors import ArqonBusError, ErrorCode
from arqonbus.model.action import Action
from arqonbus.model.address import Address, check_address
from arqonbus.shield.permissions import Guard, Permissions

if TYPE_CHECKING:
    from arqonbus.model.principal import Principal
    from arqonbus.routing.hub import Channel, Hub

# Channels of which a peer's right to publish is remembered.
_TARGETS: Final = 4096


class Member:
    """Part of a session: every name of a client becomes an address here, in its own tenant."""

    def __init__(self, principal: Principal, guard: Guard, hub: Hub) -> None:
        self.principal = principal
        self.dedup_scope = "" if principal.anonymous else f"{principal.subject}\0"
        # See `Peer.targets`: a publish costs this one look-up, checks of names and rights included.
        self.targets: dict[tuple[str, str], Channel] = {}
        self._guard = guard
        self._hub = hub
        self._permissions = Permissions(guard, principal)

    def become(self, principal: Principal) -> None:
        """Go on with what another token of the same subject says."""
        self.principal = principal
        self._permissions = Permissions(self._guard, principal)
        self.targets.clear()

    def rights_changed(self) -> None:
        """See `Peer.rights_changed`."""
        self.become(self.principal)

    @property
    def operator(self) -> bool:
        """Whether the server as a whole is this peer's affair: that of the operators'
        administrators, and everybody's where there is no authentication.
        """
        principal = self.principal
        return principal.anonymous or (
            principal.tenant == self._guard.operator_tenant
            and self._permissions.decide(Action.ADMIN).allowed
        )

    def address(self, room: str, channel: str) -> Address:
        """See `Caller.address`."""
        return check_address(self.principal.tenant, room, channel)

    def check(self, action: Action | None, room: str = "", channel: str = "") -> None:
        """See `Caller.check`."""
        if action is None:
            allowed, why = self._permissions.sees(room, channel), "no rule allows any use of it"
        else:
            decision = self._permissions.decide(action, room, channel)
            allowed, why = decision.allowed, decision.why
        if allowed:
            return
        where = f" {room}:{channel}" if room or channel else ""
        what = f"{action or 'use'}{where}"
        raise ArqonBusError(ErrorCode.FORBIDDEN, f"not allowed: {what}", about=f"{what}: {why}")

    def may(self, action: Action | None, address: Address) -> bool:
        """See `Caller.may`."""
        if address.tenant != self.principal.tenant:
            return False
        if action is None:
            return self._permissions.sees(address.name, address.channel)
        return self._permissions.decide(action, address.name, address.channel).allowed

    def publishing(self, room: str, channel: str) -> Address:
        """See `Peer.publishing`."""
        address = self.address(room, channel)
        self.check(Action.PUBLISH, room, channel)
        return address

    def target(self, room: str, channel: str) -> Channel:
        """See `Peer.target`."""
        address = self.publishing(room, channel)
        if self._hub.find(address) is None:
            self.check(Action.CREATE, room, channel)
        found = self._hub.obtain(address)
        if len(self.targets) >= _TARGETS:
            self.targets.clear()
        self.targets[room, channel] = found
        return found
