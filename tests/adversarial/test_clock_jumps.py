"""A clock that jumps: positions and commit times never fall, and nothing is lost or doubled."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from support import jumping_clock
from support.peer import Frame, peer
from support.server import running

HOUR = 3_600_000_000


async def test_positions_and_commit_times_never_fall(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offset = tmp_path / "offset"
    offset.write_text("0")
    monkeypatch.setenv("CLOCK_OFFSET", str(offset))
    program = (str(Path(jumping_clock.__file__)),)
    async with running(program, tmp_path / "data") as bus, peer(bus.url) as p:
        await p.ok("join_channel", room="r", channel="c")
        acks: list[Frame] = []
        for jump in (0, 24 * HOUR, -24 * HOUR, 0, -HOUR, HOUR):
            offset.write_text(str(jump))
            acks += [await p.publish("r", "c", jump, id=f"{len(acks)}-{n}") for n in range(2)]
        again = await p.publish("r", "c", HOUR, id="10-0")
        page = await p.ok("history", room="r", channel="c", after=0)
        fifth = page["messages"][4]["stored_at"]
        late = await p.ok("history", room="r", channel="c", since_time=fifth)
        books = (await p.ok("status"))["ledger"]
    assert [ack["seq"] for ack in acks] == list(range(1, 13))
    assert again["seq"] == 11
    times = [message["stored_at"] for message in page["messages"]]
    assert all(earlier <= later for earlier, later in pairwise(times))
    assert times[0] < times[2]
    assert late["messages"][0]["seq"] <= 5
    assert (books["balanced"], books["stored"]) == (True, 12)
