"""The one place that chooses implementations and wires them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry

from arqonbus.api.http import HttpServer
from arqonbus.app.admin import Admin
from arqonbus.app.reload import Reloader
from arqonbus.app.security import Security, security
from arqonbus.app.status import Problem, Status
from arqonbus.audit.log import AuditLog
from arqonbus.bus.bus import Bus
from arqonbus.bus.clock import Clock, wall_clock
from arqonbus.bus.screening import Screening
from arqonbus.bus.ticks import Tick
from arqonbus.commands import (
    admin,
    audit,
    auth,
    channels,
    delayed,
    groups,
    history,
    membership,
    system,
)
from arqonbus.commands.context import Services
from arqonbus.commands.registry import Registry
from arqonbus.delayed.engine import Delayed
from arqonbus.gateway.dispatch import Dispatcher
from arqonbus.gateway.throttle import Gate
from arqonbus.groups.engine import Groups
from arqonbus.groups.figures import GroupFigures
from arqonbus.revocation.engine import Revocations
from arqonbus.routing.hub import Hub
from arqonbus.shield.quotas import Quota
from arqonbus.shield.rates import Rates
from arqonbus.storage.fallback.store import FallbackStorage
from arqonbus.storage.memory import MemoryStorage
from arqonbus.storage.retention import Retention
from arqonbus.storage.sqlite.store import SqliteStorage
from arqonbus.telemetry.metrics import Metrics
from arqonbus.transport.outbox import Writers
from arqonbus.transport.websocket import Shared, WebSocketServer
from arqonbus.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from arqonbus.config.model import Settings
    from arqonbus.storage.interface import Storage
    from arqonbus.telemetry.security import SecurityEvents


@dataclass(frozen=True, slots=True)
class App:
    """A wired bus that has not been started."""

    settings: Settings
    storage: Storage
    metrics: Metrics
    shield: Security
    services: Services
    websocket: WebSocketServer
    http: HttpServer
    status: Status
    shared: Shared

    @property
    def bus(self) -> Bus:
        """Where everything is published."""
        return self.services.bus


def build(settings: Settings, clock: Clock = wall_clock) -> App:
    """Wire a bus from its settings; call it on the event loop that will run it.

    Raises:
        KeyProblem: a key can't be used.
        AccessProblem: the access policy can't be used.
        PolicyProblem: the payload rules can't be used.
    """
    loop = asyncio.get_running_loop()
    metrics = Metrics(CollectorRegistry())
    shield = security(settings, metrics)
    storage = _storage(settings, metrics)
    hub = Hub(
        storage.durability,
        max_channels=settings.limits.max_channels,
        auto_create=settings.limits.auto_create_channels,
        per_tenant=settings.limits.channels_per_tenant,
    )
    writers = Writers(loop.call_soon, metrics)
    bus = Bus(
        hub,
        storage,
        Tick(clock),
        metrics,
        settings.limits,
        demanded=settings.storage.demanded,
        max_pending_bytes=settings.storage.max_pending_bytes,
        call_soon=loop.call_soon,
        on_batch=writers.flush,
        screening=Screening(shield.inspector),
    )
    services = _services(settings, bus, storage, metrics, shield)
    metrics.registry.register(GroupFigures(services.groups))
    dispatcher = _dispatcher(settings, services, metrics, shield.events)
    shared = Shared(
        dispatcher, writers, metrics, settings.outbox, settings.limits.max_frame_bytes, loop
    )
    status = Status(bus, _problems(storage, services, shield))
    return App(
        settings,
        storage,
        metrics,
        shield,
        services,
        WebSocketServer(settings, shield.authenticator, shield.edge, shared),
        HttpServer(status, metrics.registry, shield.edge, Admin(services, shield.events)),
        status,
        shared,
    )


def _problems(
    storage: Storage, services: Services, shield: Security
) -> Mapping[str, Sequence[Problem]]:
    """Who says whether each part can do its work."""
    tokens = () if shield.keys is None else (shield.keys.problem, services.revocations.problem)
    return {
        "storage": (storage.problem,),
        "audit": (services.audit.problem,),
        "authentication": tokens,
    }


def _storage(settings: Settings, metrics: Metrics) -> Storage:
    kept = settings.retention
    retention = Retention(kept.max_messages, kept.max_bytes, kept.max_age)
    if settings.storage.backend == "memory":
        return MemoryStorage(retention)
    durable = _durable_storage(settings, retention)
    if settings.storage.mode == "strict":
        return durable
    return FallbackStorage(
        durable,
        max_buffer_bytes=settings.storage.degraded_buffer_bytes,
        on_not_kept=metrics.not_kept,
    )


def _durable_storage(settings: Settings, retention: Retention) -> Storage:
    if settings.storage.backend == "redis":
        # Imported only where it is chosen: its driver comes with an extra.
        from arqonbus.app.build_redis import redis_storage  # noqa: PLC0415 - see above

        return redis_storage(settings, retention)
    return SqliteStorage(settings.data_dir / settings.storage.file, retention)


def _services(
    settings: Settings, bus: Bus, storage: Storage, metrics: Metrics, shield: Security
) -> Services:
    return Services(
        bus,
        storage,
        settings.limits,
        {"name": "arqonbus", "version": __version__},
        bus.tick.now(),
        Groups(bus, storage, metrics, settings.groups),
        Delayed(bus, storage, metrics, settings.delayed),
        AuditLog(bus, storage, metrics, settings.audit, shield.events, f"arqonbus/{__version__}"),
        shield.guard,
        shield.authenticator,
        Revocations(bus, storage, metrics, settings.auth, shield.revoked),
        Reloader(shield, bus.hub),
        Quota(
            "limits.joined",
            settings.limits.joined_per_principal,
            settings.limits.joined_per_tenant,
        ),
    )


def _dispatcher(
    settings: Settings, services: Services, metrics: Metrics, events: SecurityEvents
) -> Dispatcher:
    commands = [
        *system.COMMANDS,
        *channels.COMMANDS,
        *membership.COMMANDS,
        *history.COMMANDS,
        *groups.COMMANDS,
        *delayed.COMMANDS,
        *audit.COMMANDS,
        *auth.COMMANDS,
        *admin.COMMANDS,
    ]
    registry = Registry([*commands, system.help_command(commands)])
    loop, rates = asyncio.get_running_loop(), settings.rates
    gate = Gate(Rates(rates, loop.time), rates.refusals_before_close, loop.time, loop.call_later)
    return Dispatcher(
        services.bus, registry, services, metrics, events, settings.limits, settings.heartbeat, gate
    )
