"""A group whose channel is gone from the store, where there may be no more, ended the start
in a traceback.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from support.peer import peer
from support.server import serving


async def test_a_group_whose_channel_may_not_be_made(tmp_path: Path) -> None:
    async with serving(tmp_path) as bus, peer(bus.url) as p:
        await p.ok("group.join", room="r", channel="c", group="g")
        await p.ok("create_channel", room="r", channel="d")
        await bus.stop()
    with closing(sqlite3.connect(tmp_path / "arqonbus.db")) as store:
        store.execute("DELETE FROM channels WHERE room = 'r' AND channel = 'c'")
        store.commit()
    with pytest.raises(AssertionError, match="holds more than the settings allow") as failed:
        async with serving(tmp_path, limits_max_channels=1):
            pass
    assert "unreadable" not in str(failed.value)
