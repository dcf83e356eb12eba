"""What must hold of the store before anything listens."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from arqonbus.app.addresses import is_loopback
from arqonbus.config.load import DEFAULT
from arqonbus.config.model import Settings
from arqonbus.config.storage import RedisSettings
from arqonbus.model.durability import Durability
from arqonbus.storage.redis.target import Target, parse

MAX_PASSWORD_BYTES: Final = 64 * 1024
_MOST: Final = {
    "memory": Durability.MEMORY,
    "sqlite": Durability.DISK,
    "redis": Durability.REPLICATED,
}


def storage_problems(settings: Settings, origins: Mapping[str, str]) -> Iterator[str]:
    """Every reason not to start that lies in the store's settings."""
    storage = settings.storage
    most = _MOST[storage.backend]
    if storage.demanded > most:
        yield (
            f"storage.durability: {storage.durability} can't be reached by storage.backend "
            f"{storage.backend}, which gives {most.wire} at most"
        )
    if settings.profile == "prod":
        yield from _production(settings, origins)
    if storage.backend == "memory" and storage.mode == "degraded":
        yield "storage.mode: degraded means nothing with storage.backend memory: remove one of both"
    if storage.backend == "redis":
        yield from _redis(settings)
    elif settings.redis.url is not None:
        yield (
            f"redis.url is set but storage.backend is {storage.backend}, so that server would not "
            "be used: remove one of both"
        )


def redis_password(redis: RedisSettings) -> str | None:
    """The password, wherever it is.

    Raises:
        ValueError: it can't be had; the text holds no part of it.
    """
    if redis.password_file is None:
        return None if redis.password is None else redis.password.get_secret_value()
    if redis.password is not None:
        raise ValueError("redis: give one of password and password_file, not both")
    try:
        with redis.password_file.open("rb") as file:
            content = file.read(MAX_PASSWORD_BYTES + 1)
        text = content.decode().rstrip("\r\n")
    except OSError as error:
        raise ValueError(f"redis.password_file: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise ValueError("redis.password_file: is not UTF-8 text") from None
    if not text or len(content) > MAX_PASSWORD_BYTES:
        raise ValueError("redis.password_file: holds no password, or far too much for one")
    return text


def _production(settings: Settings, origins: Mapping[str, str]) -> Iterator[str]:
    storage = settings.storage
    if storage.backend == "memory":
        yield (
            "profile prod needs durable storage: storage.backend memory "
            f"(from {origins.get('storage.backend', DEFAULT)}) loses everything with the process"
        )
    elif storage.demanded < Durability.DISK:
        yield (
            f"profile prod needs durable storage: storage.durability {storage.durability} (from "
            f"{origins.get('storage.durability', DEFAULT)}) may lose what was acknowledged"
        )
    if storage.mode != "strict":
        yield (
            f"profile prod needs storage.mode strict: {storage.mode} (from "
            f"{origins.get('storage.mode', DEFAULT)}) goes on with less than what was promised"
        )


def _redis(settings: Settings) -> Iterator[str]:
    redis = settings.redis
    if any(importlib.util.find_spec(name) is None for name in ("redis", "hiredis")):
        yield "storage.backend: redis needs its driver: install arqonbus[redis]"
    try:
        redis_password(redis)
    except ValueError as error:
        yield str(error)
    if redis.url is None:
        yield "storage.backend: redis needs redis.url"
        return
    try:
        target = parse(redis.url)
    except ValueError as error:
        yield f"redis.url: {error}"
        return
    yield from _tls(redis, target)
    if settings.profile == "prod" and not target.tls:
        for host, _ in target.hosts:
            if not is_loopback(host):
                yield (
                    f"profile prod needs TLS beyond this machine: redis.url reaches {host} "
                    "without it, use rediss"
                )


def _tls(redis: RedisSettings, target: Target) -> Iterator[str]:
    files = {
        "tls_ca_file": redis.tls_ca_file,
        "tls_cert_file": redis.tls_cert_file,
        "tls_key_file": redis.tls_key_file,
    }
    for name, file in files.items():
        if file is None:
            continue
        if not target.tls:
            yield f"redis.{name} is set but redis.url is without TLS: use rediss, or remove it"
        elif not _readable(file):
            yield f"redis.{name}: {file} cannot be read"
    if (redis.tls_cert_file is None) != (redis.tls_key_file is None):
        yield "redis: give tls_cert_file and tls_key_file both, or none of them"


def _readable(file: Path) -> bool:
    try:
        with file.open("rb"):
            return True
    except OSError:
        return False
