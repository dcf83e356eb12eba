"""Fixtures that every suite may use."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from support.redis_store import fresh_prefix
from support.server import Server, serving
from support.valkey import Valkey
from support.valkey import valkey as running

# No verdict may depend on how fast or busy the machine is.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


@pytest.fixture(params=["json", "msgpack"])
def codec(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["sqlite", "memory", "redis"])
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """One durable server for all tests that only need prefixes of their own.

    Few entries make a node of its streams, so that short streams have several.
    """
    folder = tmp_path_factory.mktemp("v")
    config = {"appendonly": "yes", "appendfsync": "always", "stream_node_max_entries": "7"}
    with running(folder, **config) as server:
        yield server


@pytest.fixture
def stored(backend: str, request: pytest.FixtureRequest) -> dict[str, str]:
    """Settings of a bus on this backend."""
    if backend != "redis":
        return {"storage_backend": backend}
    url = request.getfixturevalue("valkey").url
    return {"storage_backend": backend, "redis_url": url, "redis_prefix": fresh_prefix()}


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[Server]:
    """A bus on the default settings."""
    async with serving(tmp_path / "data") as server:
        yield server
