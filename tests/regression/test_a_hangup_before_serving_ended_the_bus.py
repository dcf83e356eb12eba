"""SIGHUP ends a process by default, which a bus that was starting did not prevent."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest
from support import hung_up
from support.server import running
from support.waiting import until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGHUP")


async def test_it_counts_when_the_bus_serves(tmp_path: Path) -> None:
    program = (str(Path(hung_up.__file__)),)
    async with running(program, tmp_path) as server:
        await until(lambda: len(server.events("reloaded")) == 1)
        server.process.send_signal(signal.SIGHUP)
        await until(lambda: len(server.events("reloaded")) == 2)
        assert await server.stop() == 0
