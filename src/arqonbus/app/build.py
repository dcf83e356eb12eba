"""The one place that chooses implementations and wires them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry

from arqonbus.api.http import HttpServer
from arqonbus.bus.bus import Bus
from arqonbus.bus.clock import Clock, wall_clock
from arqonbus.bus.ticks import Tick
from arqonbus.commands import channels, delayed, groups, history, membership, system
from arqonbus.commands.context import Services
from arqonbus.commands.registry import Registry
from arqonbus.delayed.engine import Delayed
from arqonbus.gateway.dispatch import Dispatcher
from arqonbus.gateway.throttle import Gate
from arqonbus.groups.engine import Groups
from arqonbus.groups.figures import GroupFigures
from arqonbus.routing.hub import Hub
from arqonbus.shield.access.fixed import Everybody
from arqonbus.shield.anonymous import AnonymousAuthenticator
from arqonbus.shield.keys import read_key
from arqonbus.shield.permissions import Guard
from arqonbus.shield.quotas import Quota
from arqonbus.shield.rates import Rates
from arqonbus.shield.tokens import TokenAuthenticator
from arqonbus.storage.fallback.store import FallbackStorage
from arqonbus.storage.memory import MemoryStorage
from arqonbus.storage.retention import Retention
from arqonbus.storage.sqlite.store import SqliteStorage
from arqonbus.telemetry.metrics import Metrics
from arqonbus.telemetry.security import SecurityEvents
from arqonbus.transport.outbox import Writers
from arqonbus.transport.websocket import Shared, WebSocketServer
from arqonbus.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from arqonbus.config.model import AuthSettings, Settings
    from arqonbus.shield.interface import Authenticator
    from arqonbus.storage.interface import Storage


@dataclass(frozen=True, slots=True)
class App:
    """A wired bus that has not been started."""

    settings: Settings
    storage: Storage
    bus: Bus
    metrics: Metrics
    groups: Groups
    delayed: Delayed
    websocket: WebSocketServer
    http: HttpServer
    status: Status
    shared: Shared


class Status:
    """Implements `api.interface.BusStatus`."""

    def __init__(self, bus: Bus, storage: Storage) -> None:
        self._bus = bus
        self._storage = storage

    def ready(self) -> Sequence[str]:
        """See `BusStatus.ready`."""
        reasons = ["draining: the server is going away"] if self._bus.draining else []
        problem = self._storage.problem()
        return reasons + ([f"storage: {problem}"] if problem else [])

    def health(self) -> Mapping[str, object]:
        """See `BusStatus.health`."""
        return {
            "storage": self._bus.condition.report(),
            "connections": len(self._bus.hub.peers),
            "channels": len(self._bus.hub),
            "draining": self._bus.draining,
        }


def build(settings: Settings, clock: Clock = wall_clock) -> App:
    """Wire a bus from its settings; call it on the event loop that will run it."""
    loop = asyncio.get_running_loop()
    registry = CollectorRegistry()
    metrics = Metrics(registry)
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
    )
    services = _services(settings, bus, storage, metrics)
    registry.register(GroupFigures(services.groups))
    events = SecurityEvents(metrics)
    dispatcher = _dispatcher(settings, services, metrics, events)
    shared = Shared(
        dispatcher, writers, metrics, settings.outbox, settings.limits.max_frame_bytes, loop
    )
    status = Status(bus, storage)
    return App(
        settings,
        storage,
        bus,
        metrics,
        services.groups,
        services.delayed,
        WebSocketServer(settings, authenticator(settings.auth), shared),
        HttpServer(status, registry, metrics.internal_error),
        status,
        shared,
    )


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


def authenticator(auth: AuthSettings) -> Authenticator:
    """The shield that the settings ask for."""
    if auth.mode == "none":
        return AnonymousAuthenticator()
    return TokenAuthenticator(
        read_key(auth), issuer=auth.issuer, audience=auth.audience, leeway=auth.leeway
    )


def _services(settings: Settings, bus: Bus, storage: Storage, metrics: Metrics) -> Services:
    return Services(
        bus,
        storage,
        settings.limits,
        {"name": "arqonbus", "version": __version__},
        bus.tick.now(),
        Groups(bus, storage, metrics, settings.groups),
        Delayed(bus, storage, metrics, settings.delayed),
        Guard(Everybody(), "operators"),
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
    ]
    registry = Registry([*commands, system.help_command(commands)])
    loop, rates = asyncio.get_running_loop(), settings.rates
    gate = Gate(Rates(rates, loop.time), rates.refusals_before_close, loop.time, loop.call_later)
    return Dispatcher(
        services.bus, registry, services, metrics, events, settings.limits, settings.heartbeat, gate
    )
