"""What must hold before anything listens: every problem is found, none is overlooked for another.

Fail closed: what can't be judged, such as a host name that may point anywhere, is judged unsafe.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from arqonbus.app.addresses import is_loopback
from arqonbus.app.preflight_access import access_problems
from arqonbus.app.preflight_auth import auth_problems
from arqonbus.app.preflight_casil import casil_problems
from arqonbus.app.preflight_edge import edge_problems
from arqonbus.app.preflight_storage import storage_problems
from arqonbus.config.load import DEFAULT
from arqonbus.config.model import Settings
from arqonbus.model.capability import Capability

BINDS: Final = ("host", "port", "http_host", "http_port")


def problems(settings: Settings, origins: Mapping[str, str]) -> list[str]:
    """Every reason not to start, one line each; empty when the bus may start."""
    return [
        *auth_problems(settings),
        *access_problems(settings),
        *_open_binds(settings, origins),
        *_production(settings, origins),
        *_ports(settings),
        *_sizes(settings),
        *edge_problems(settings),
        *_rates(settings),
        *_heartbeat(settings),
        *storage_problems(settings, origins),
        *casil_problems(settings),
        *_data_dir(settings),
    ]


def lacks(settings: Settings, capabilities: frozenset[Capability]) -> list[str]:
    """What the settings ask for that the configured backend can't do, one line each."""
    wanted = {
        "groups.enabled": (settings.groups.enabled, Capability.GROUPS),
        "delayed.enabled": (settings.delayed.enabled, Capability.DELAYED),
    }
    return [
        f"{path}: storage.backend {settings.storage.backend} can't do that: switch it off, or "
        "choose another backend"
        for path, (on, capability) in wanted.items()
        if on and capability not in capabilities
    ]


def _open_binds(settings: Settings, origins: Mapping[str, str]) -> Iterator[str]:
    if settings.auth.mode != "none":
        return
    for path, host in (("host", settings.host), ("http_host", settings.http_host)):
        if not is_loopback(host):
            yield (
                f"{path}: {host} (from {origins.get(path, DEFAULT)}) can be reached from other "
                "machines but there is no authentication: set auth.secret_file, or bind loopback"
            )


def _production(settings: Settings, origins: Mapping[str, str]) -> Iterator[str]:
    if settings.profile != "prod":
        return
    if settings.auth.mode == "none":
        yield "profile prod needs authentication: set auth.secret_file or auth.public_key_file"
    for path in BINDS:
        if origins.get(path, DEFAULT) == DEFAULT:
            yield f"profile prod needs explicit binds: {path} was left to its default"


def _ports(settings: Settings) -> Iterator[str]:
    if settings.port == settings.http_port != 0:
        yield f"port and http_port are both {settings.port}: each server needs its own"


def _sizes(settings: Settings) -> Iterator[str]:
    frame = settings.limits.max_frame_bytes
    if settings.outbox.max_bytes < frame:
        yield (
            f"outbox.max_bytes: {settings.outbox.max_bytes} is less than limits.max_frame_bytes "
            f"({frame}), so a message could be accepted that no peer can ever be sent"
        )
    if settings.storage.max_pending_bytes < frame:
        yield (
            f"storage.max_pending_bytes: {settings.storage.max_pending_bytes} is less than "
            f"limits.max_frame_bytes ({frame}), so a message could never be stored"
        )


def _rates(settings: Settings) -> Iterator[str]:
    """What is refused must fit when it is sent again."""
    rates, frame = settings.rates, settings.limits.max_frame_bytes
    for (scope, kind), rate in rates.limits().items():
        least = frame if kind == "bytes" else 1
        if rate * rates.burst < least:
            what = f"limits.max_frame_bytes ({frame})" if kind == "bytes" else "one"
            yield (
                f"rates.{scope}_{kind}: {rate:g} a second are less than {what} in rates.burst "
                f"({rates.burst:g} s), so something allowed would be refused for ever"
            )
    if rates.limits() and rates.burst >= settings.heartbeat.timeout:
        yield (
            f"rates.burst: {rates.burst:g} s is not less than heartbeat.timeout "
            f"({settings.heartbeat.timeout:g} s), and who is over a rate is not read for so long: "
            "its pongs would come too late"
        )


def _heartbeat(settings: Settings) -> Iterator[str]:
    interval, timeout = settings.heartbeat.interval, settings.heartbeat.timeout
    if timeout > interval:
        yield (
            f"heartbeat.timeout: {timeout:g} s is more than heartbeat.interval ({interval:g} s): "
            "a peer would be sent another ping before the answer to the last one is due"
        )


def _data_dir(settings: Settings) -> Iterator[str]:
    """Look without touching: check-config must leave nothing behind."""
    if settings.storage.backend != "sqlite":
        return
    folder = settings.data_dir
    if "\0" in str(folder):
        yield "data_dir: is not a folder name"
        return
    try:
        existing = _nearest_existing(folder.absolute())
        if not existing.is_dir():
            yield f"data_dir: {existing} is not a folder"
        elif not os.access(existing, os.W_OK | os.X_OK):
            yield f"data_dir: {folder} cannot be written: no permission in {existing}"
        else:
            yield from _database_file(folder / settings.storage.file)
    except OSError as error:
        yield f"data_dir: {folder} cannot be used: {error.strerror}"


def _database_file(file: Path) -> Iterator[str]:
    if not file.exists():
        return
    if not file.is_file():
        yield f"storage.file: {file} is not a file"
    elif not os.access(file, os.R_OK | os.W_OK):
        yield f"storage.file: {file} cannot be read and written"


def _nearest_existing(path: Path) -> Path:
    # A dangling link counts as existing: no folder can be made in its place.
    return next(at for at in (path, *path.parents) if at.exists() or at.is_symlink())
