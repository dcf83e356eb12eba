"""The Redis store from its settings, which the preflight has judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arqonbus.app.preflight_storage import redis_password
from arqonbus.storage.redis.connect import Access
from arqonbus.storage.redis.options import RedisOptions
from arqonbus.storage.redis.store import RedisStorage
from arqonbus.storage.redis.target import parse

if TYPE_CHECKING:
    from arqonbus.config.model import Settings
    from arqonbus.storage.retention import Retention


def redis_storage(settings: Settings, retention: Retention) -> RedisStorage:
    """A store that has not been opened.

    Raises:
        ValueError: the settings are not what the preflight lets pass.
    """
    redis = settings.redis
    access = Access(
        username=redis.username,
        password=redis_password(redis),
        ca_file=redis.tls_ca_file,
        cert_file=redis.tls_cert_file,
        key_file=redis.tls_key_file,
    )
    options = RedisOptions(
        prefix=redis.prefix,
        demanded=settings.storage.demanded,
        strict=settings.storage.mode == "strict",
        replicas=redis.replicas,
        timeout=redis.timeout,
        pool_size=redis.pool_size,
        attest_interval=redis.attest_interval,
    )
    return RedisStorage(parse(redis.url or ""), access, retention, options)
