"""Fixtures that every suite may use."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
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
    """One durable server for all tests that only need prefixes of their own."""
    with running(tmp_path_factory.mktemp("v"), appendonly="yes", appendfsync="always") as server:
        yield server


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[Server]:
    """A bus on the default settings."""
    async with serving(tmp_path / "data") as server:
        yield server
