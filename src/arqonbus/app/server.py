"""A bus' life: open the store, listen, serve, drain."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from typing import TYPE_CHECKING

import structlog

from arqonbus.api.http import url_of
from arqonbus.app.addresses import bind, port_of
from arqonbus.app.build import App, build
from arqonbus.app.exits import Exit
from arqonbus.app.files import allow_connections
from arqonbus.app.keeping import keep
from arqonbus.app.preflight import lacks
from arqonbus.casil.document import PolicyProblem
from arqonbus.edge.tls import TlsProblem
from arqonbus.errors import ArqonBusError, StorageError
from arqonbus.protocol.close import CloseCode
from arqonbus.shield.access.interface import AccessProblem
from arqonbus.shield.algorithms import KeyProblem
from arqonbus.shield.jwks import KeySetError
from arqonbus.storage.fallback.runs import Runs
from arqonbus.telemetry import logs
from arqonbus.telemetry.security import EventKind, SecurityEvent

if TYPE_CHECKING:
    import socket
    from collections.abc import Coroutine, Sequence

    from arqonbus.config.model import Settings
    from arqonbus.model.stream import StreamInfo

# Beyond the drain timeout: the audit log ends when nobody can be refused any more.
_LAST_SECONDS = 1.0

log = structlog.get_logger(__name__)


def run(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT; the process' exit code."""
    logs.configure(settings.log)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(_serve(settings))


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    """Uvloop where it exists; Windows has none, and asyncio's own loop serves there."""
    if sys.platform == "win32":
        return None
    import uvloop  # noqa: PLC0415 - not installable on Windows

    return uvloop.Loop


async def _serve(settings: Settings) -> int:
    _check_open_files(settings.limits.max_connections)
    # Before the files are read: what changes from then on must not be overlooked.
    hangup = _on_hangup()
    try:
        app = build(settings)
    except (AccessProblem, KeyProblem, PolicyProblem, TlsProblem) as unusable:
        # A file that changed since the preflight.
        log.error("the configuration has a problem", problem=str(unusable))  # noqa: TRY400 - it says all
        return Exit.CONFIG
    if lacking := lacks(settings, app.storage.capabilities):
        for problem in lacking:
            log.error("the configuration has a problem", problem=problem)
        return Exit.CONFIG
    if not await _have_keys(app):
        return Exit.UNAVAILABLE
    stop = asyncio.Event()
    _on_signals(stop)
    try:
        return await _open_and_serve(app, stop, hangup)
    finally:
        if app.shield.keys is not None:
            await app.shield.keys.close()


async def _have_keys(app: App) -> bool:
    """Whether tokens can be verified: a bus that can let nobody in is not started."""
    if app.shield.keys is None:
        return True
    try:
        await app.shield.keys.open()
    except KeySetError as error:
        log.error(  # noqa: TRY400 - the reason says all
            "the JWK Set can't be had",
            setting="auth.jwks_url",
            url=app.settings.auth.jwks_url,
            reason=str(error),
        )
        return False
    return True


async def _open_and_serve(app: App, stop: asyncio.Event, hangup: asyncio.Event) -> int:
    try:
        await app.bus.load(await _streams(app))
        await app.services.groups.start()
        await app.services.delayed.start()
        await app.services.audit.start()
        app.shield.record_policies()
        await app.services.revocations.start()
    except StorageError as error:
        log.error("storage can't be opened", reason=str(error))  # noqa: TRY400 - the reason says all
        await app.storage.close()
        return Exit.IO
    except ArqonBusError as error:
        log.error("the store holds more than the settings allow", reason=error.message)  # noqa: TRY400 - the reason says all
        await app.storage.close()
        return Exit.CONFIG
    if not await _listen(app):
        await app.services.audit.stop()
        await app.storage.close()
        return Exit.UNAVAILABLE
    keeping = keep(app, hangup)
    try:
        await stop.wait()
    finally:
        for task in keeping:
            task.cancel()
    return await _drain(app)


async def _streams(app: App) -> Sequence[StreamInfo]:
    """Open the store; what a run in mode degraded could not write must not be taken for there."""
    streams = await app.storage.open()
    if app.settings.storage.mode == "strict":
        return await Runs(app.storage).settle(streams)
    return streams


def _check_open_files(wanted: int) -> None:
    allowed = allow_connections(wanted)
    if allowed < wanted:
        log.warning(
            "the limit on open files is below limits.max_connections: raise it (ulimit -n)",
            connections_possible=allowed,
            max_connections=wanted,
        )


def _on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        if sys.platform == "win32":
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
        else:
            loop.add_signal_handler(number, stop.set)


def _on_hangup() -> asyncio.Event:
    """Set by SIGHUP, which by default would end the process."""
    hangup = asyncio.Event()
    if sys.platform != "win32":
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, hangup.set)
    return hangup


async def _listen(app: App) -> bool:
    """Listen on both addresses or on none."""
    settings = app.settings
    with contextlib.ExitStack() as undo:
        websocket = _bound(settings.host, settings.port, "port", undo)
        http = _bound(settings.http_host, settings.http_port, "http_port", undo)
        if not (websocket and http):
            return False
        try:
            await app.websocket.start(websocket)
            await app.http.start(http)
        except OSError as error:
            # Bound by another program in the same moment, which was the first to listen.
            await app.websocket.close(CloseCode.GOING_AWAY, 0)
            await app.http.stop()
            _cannot_listen("one of both", "port, http_port", error)
            return False
        undo.pop_all()
    tls = app.shield.edge.tls is not None
    log.info(
        "serving",
        websocket=url_of(settings.host, port_of(websocket[0]), tls=tls).replace("http", "ws", 1),
        http=url_of(settings.http_host, port_of(http[0]), tls=tls),
        durability=app.storage.durability.wire,
        profile=settings.profile,
        authentication=settings.auth.mode,
        channels=len(app.bus.hub),
    )
    return True


def _bound(host: str, port: int, setting: str, undo: contextlib.ExitStack) -> list[socket.socket]:
    """Sockets that `undo` closes; none when the address can't be had, which is logged."""
    try:
        sockets = bind(host, port)
    except OSError as error:
        _cannot_listen(f"{host}:{port}", setting, error)
        return []
    for one in sockets:
        undo.enter_context(one)
    return sockets


def _cannot_listen(address: str, setting: str, error: OSError) -> None:
    log.error(
        "can't listen: free the address or choose another",
        address=address,
        setting=setting,
        reason=error.strerror or str(error),
    )


async def _drain(app: App) -> int:
    """Stop accepting, finish what was taken, send everybody away, close the store."""
    limit = app.settings.drain_timeout
    deadline = asyncio.get_running_loop().time() + limit
    log.info("draining", connections=len(app.shared.listeners), limit=limit)
    app.websocket.stop_accepting()
    app.shield.events.report(SecurityEvent(EventKind.MODE, "draining"))
    # In one breath: a client that is refused from now on must know why by then.
    app.bus.drain()
    for listener in tuple(app.shared.listeners):
        listener.session.notice({"event": "draining", "reconnect": True})
    await app.services.groups.stop()
    await app.services.delayed.stop()
    await app.services.revocations.stop()
    clean = await _within(deadline, _idle(app))
    left = max(0.0, deadline - asyncio.get_running_loop().time())
    await app.websocket.close(CloseCode.GOING_AWAY, left)
    await app.http.stop()
    clean = await _within(deadline + _LAST_SECONDS, app.services.audit.stop()) and clean
    await app.storage.close()
    log.info("stopped", clean=clean)
    return Exit.OK


async def _idle(app: App) -> None:
    while not app.bus.idle:  # noqa: ASYNC110 - once, at the end: an event would burden every batch
        await asyncio.sleep(0.005)


async def _within(deadline: float, work: Coroutine[None, None, None]) -> bool:
    """Whether `work` ended before `deadline` (loop time)."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout_at(deadline):
            await work
        return True
    return False
