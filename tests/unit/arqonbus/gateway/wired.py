"""A bus without a socket: real parts, a turn of the loop only when the test says so."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from unit.arqonbus.gateway.fakes import NOON, FakeConnection, FakeStorage, settled

from arqonbus.audit.log import AuditLog
from arqonbus.bus.bus import Bus
from arqonbus.bus.ticks import Tick
from arqonbus.commands import admin, audit, channels, delayed, groups, history, membership, system
from arqonbus.commands import auth as auth_command
from arqonbus.commands.context import Caller, Reply, Services
from arqonbus.commands.registry import Command, NoArgs, Registry
from arqonbus.config.limits import (
    DelayedSettings,
    GroupSettings,
    HeartbeatSettings,
    LimitSettings,
    RateSettings,
)
from arqonbus.config.shield import AuditSettings, AuthSettings
from arqonbus.delayed.engine import Delayed
from arqonbus.errors import conflict
from arqonbus.gateway.dispatch import Dispatcher
from arqonbus.gateway.session import Session
from arqonbus.gateway.throttle import Gate
from arqonbus.groups.engine import Groups
from arqonbus.model.address import Address
from arqonbus.model.principal import ANONYMOUS, Principal
from arqonbus.protocol.codec import Codec
from arqonbus.protocol.json_codec import JsonCodec
from arqonbus.protocol.msgpack_codec import MsgpackCodec
from arqonbus.revocation.engine import Revocations
from arqonbus.routing.hub import Channel, Hub
from arqonbus.shield.access.builtin import OpenPolicy
from arqonbus.shield.access.interface import AccessPolicy
from arqonbus.shield.anonymous import AnonymousAuthenticator
from arqonbus.shield.interface import Authenticator
from arqonbus.shield.permissions import Guard
from arqonbus.shield.quotas import Quota
from arqonbus.shield.rates import Rates
from arqonbus.shield.revoked import RevocationAuthenticator, Revoked
from arqonbus.telemetry.metrics import Metrics
from arqonbus.telemetry.security import SecurityEvents


class Stage:
    """Commands that a test holds up or lets fail: `hold`, `boom`, `refuse` and `late`."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.began = asyncio.Event()
        self.release = asyncio.Event()

    async def hold(self, _services: Services, _caller: Caller, _args: NoArgs) -> Reply:
        self.steps.append("began")
        self.began.set()
        await self.release.wait()
        self.steps.append("ended")
        return Reply({"held": True}, self._then)

    async def _then(self) -> None:
        self.steps.append("then")

    async def boom(self, _services: Services, _caller: Caller, _args: NoArgs) -> Reply:
        raise KeyError("a detail that must not leave")

    async def refuse(self, _services: Services, _caller: Caller, _args: NoArgs) -> Reply:
        raise conflict("something stands in the way")

    async def late(self, _services: Services, _caller: Caller, _args: NoArgs) -> Reply:
        async def then() -> None:
            raise conflict("too late")

        return Reply({"late": True}, then)

    def commands(self) -> list[Command]:
        runs = (self.hold, self.boom, self.refuse, self.late)
        return [Command(run.__name__, "For tests.", NoArgs, run, None) for run in runs]


@dataclass(eq=False)
class Later:
    """What `call_later` returns."""

    at: float
    callback: Callable[[], None]
    among: list[Later]

    def cancel(self) -> None:
        self.among.remove(self)


class Wired:
    """Everything of a bus but its sockets; `turn` is the end of a turn of the event loop."""

    def __init__(
        self,
        storage: FakeStorage | None = None,
        limits: Mapping[str, int] | None = None,
        *,
        more: Sequence[Command] = (),
        policy: AccessPolicy | None = None,
        authenticator: Authenticator | None = None,
        rates: Mapping[str, float] | None = None,
    ) -> None:
        self.now = NOON
        self.storage = storage or FakeStorage()
        self.metrics = Metrics(CollectorRegistry())
        self.limits = LimitSettings.model_validate(limits or {})
        self.soon: list[Callable[[], None]] = []
        self.hub = Hub(
            self.storage.durability,
            max_channels=self.limits.max_channels,
            auto_create=self.limits.auto_create_channels,
            per_tenant=self.limits.channels_per_tenant,
        )
        self.tick = Tick(lambda: self.now)
        self.bus = Bus(
            self.hub,
            self.storage,
            self.tick,
            self.metrics,
            self.limits,
            demanded=self.storage.durability,
            max_pending_bytes=1 << 20,
            call_soon=self.soon.append,
            on_batch=lambda: None,
        )
        server = {"name": "arqonbus", "version": "test"}
        self.groups = Groups(self.bus, self.storage, self.metrics, GroupSettings())
        self.delayed = Delayed(self.bus, self.storage, self.metrics, DelayedSettings())
        self.events = SecurityEvents(self.metrics)
        self.audit = AuditLog(
            self.bus, self.storage, self.metrics, AuditSettings(), self.events, "arqonbus/test"
        )
        auth, revoked = AuthSettings(), Revoked()
        self.guard = Guard(policy or OpenPolicy(), "operators")
        self.authenticator = authenticator or AnonymousAuthenticator()
        self.services = Services(
            self.bus,
            self.storage,
            self.limits,
            server,
            NOON,
            self.groups,
            self.delayed,
            self.audit,
            self.guard,
            RevocationAuthenticator(self.authenticator, revoked),
            Revocations(self.bus, self.storage, self.metrics, auth, revoked),
            self,
            Quota("limits.joined", self.limits.joined_per_principal, self.limits.joined_per_tenant),
        )
        families = (
            system,
            channels,
            membership,
            history,
            groups,
            delayed,
            audit,
            auth_command,
            admin,
        )
        commands = [command for family in families for command in family.COMMANDS] + [*more]
        self.registry = Registry([*commands, system.help_command(commands)])
        self.seconds = 0.0
        self.timers: list[Later] = []
        limited = RateSettings.model_validate(rates or {})
        self.rates = Rates(limited, lambda: self.seconds)
        gate = Gate(
            self.rates, limited.refusals_before_close, lambda: self.seconds, self._call_later
        )
        self.dispatcher = Dispatcher(
            self.bus,
            self.registry,
            self.services,
            self.metrics,
            self.events,
            self.limits,
            HeartbeatSettings(),
            gate,
        )

    def reload(self) -> Mapping[str, object]:
        raise AssertionError("nothing is reloaded here")

    def _call_later(self, delay: float, callback: Callable[[], None]) -> Later:
        later = Later(self.seconds + delay, callback, self.timers)
        self.timers.append(later)
        return later

    def passes(self, seconds: float) -> None:
        """Let time go on, and call what was put off until then."""
        self.seconds += seconds
        for later in [one for one in self.timers if one.at <= self.seconds]:
            later.cancel()
            later.callback()

    def turn(self) -> None:
        """Call all that was put off to the end of the turn."""
        while self.soon:
            self.soon.pop(0)()

    async def until_quiet(self) -> None:
        """Turn until no task is under way and nothing is put off."""
        self.turn()
        await settled()
        while self.soon:
            self.turn()
            await settled()

    def session(
        self,
        client_id: str,
        *,
        codec: Codec | None = None,
        principal: Principal = ANONYMOUS,
        connection: FakeConnection | None = None,
    ) -> tuple[Session, FakeConnection]:
        """A started session; what it was greeted with is taken off its connection."""
        codec = codec or JsonCodec()
        connection = connection or FakeConnection(binary=codec.binary)
        session = Session(client_id, principal, codec, connection, self.dispatcher)
        session.start()
        connection.writes.clear()
        return session, connection

    async def channel(self, room: str = "r", channel: str = "c", *, messages: int = 0) -> Channel:
        """A stored channel holding `messages`, the payload of each its position."""
        made = self.hub.obtain(Address(room, channel))
        await channels.store_channel(self.services, made)
        session, _ = self.session("c_filler")
        for seq in range(made.last_seq + 1, made.last_seq + 1 + messages):
            session.receive(publish(seq, room=room, channel=channel, qos=0))
        self.turn()
        session.ended()
        return made

    def counted(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"arqonbus_{name}", labels)


def publish(payload: object, **fields: object) -> str:
    """A publish to r:c, or wherever `fields` say."""
    to = {} if "to" in fields else {"room": "r", "channel": "c"}
    return json.dumps({"type": "message", "payload": payload, **to, **fields})


def command(name: str, request_id: str | None = None, **args: object) -> str:
    call: dict[str, object] = {"type": "command", "command": name, "args": args}
    return json.dumps(call if request_id is None else call | {"id": request_id})


def codecs() -> Mapping[str, Codec]:
    return {"json": JsonCodec(), "msgpack": MsgpackCodec()}
