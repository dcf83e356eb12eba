"""Stores on a test's server."""

from __future__ import annotations

import secrets
from dataclasses import replace

from arqonbus.storage.redis.connect import Access
from arqonbus.storage.redis.options import RedisOptions
from arqonbus.storage.redis.store import RedisStorage
from arqonbus.storage.redis.target import parse
from arqonbus.storage.retention import Retention
from support.valkey import Valkey

WIDE = Retention(max_messages=10_000, max_bytes=10_000_000)


def fresh_prefix() -> str:
    """A prefix that no other test has."""
    return f"test-{secrets.token_hex(6)}"


def store(
    server: Valkey | str,
    retention: Retention = WIDE,
    access: Access | None = None,
    **options: object,
) -> RedisStorage:
    """A store on a server or a URL that has not been opened."""
    url = server if isinstance(server, str) else server.url
    chosen = replace(RedisOptions(timeout=10), **options)  # type: ignore[arg-type] # a test's own names
    return RedisStorage(parse(url), access or Access(), retention, chosen)
