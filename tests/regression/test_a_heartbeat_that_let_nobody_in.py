"""With a heartbeat.timeout above heartbeat.interval the bus started, and every handshake failed."""

from pathlib import Path

import pytest
from support.peer import peer
from support.server import serving


async def test_the_bus_says_so_and_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"heartbeat\.timeout: 20 s is more than"):
        async with serving(tmp_path, heartbeat_interval=5):
            pass


async def test_as_long_as_the_interval_is_in_order(tmp_path: Path) -> None:
    beats = {"heartbeat_interval": 5, "heartbeat_timeout": 5}
    async with serving(tmp_path, **beats) as bus, peer(bus.url) as p:
        await p.ok("ping")
