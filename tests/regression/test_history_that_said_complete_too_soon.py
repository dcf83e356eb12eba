"""Pages of history that were refused, empty or "complete" where they should not have been."""

from __future__ import annotations

from pathlib import Path

from support.peer import Frame, Peer, peer
from support.server import serving

from arqonbus.client import Client, Message

RC = {"room": "r", "channel": "c"}


async def page(p: Peer, **args: object) -> Frame:
    return await p.ok("history", **RC, **args)


def seqs(found: Frame) -> list[int]:
    return [message["seq"] for message in found["messages"]]


async def fill(p: Peer, count: int) -> None:
    for n in range(count):
        await p.publish("r", "c", n)


async def test_an_end_time_alone_asks_for_the_newest_before_it(
    tmp_path: Path, stored: dict[str, str]
) -> None:
    async with serving(tmp_path / "d", **stored) as bus, peer(bus.url) as p:
        await fill(p, 9)
        end = (await page(p))["messages"][4]["stored_at"]
        assert seqs(await page(p, until_time=end, limit=2)) == [3, 4]
        assert seqs(await page(p, until_time=end)) == [1, 2, 3, 4]


async def test_a_position_that_was_never_given_is_unknown(
    tmp_path: Path, stored: dict[str, str]
) -> None:
    async with serving(tmp_path / "d", **stored) as bus, peer(bus.url) as p:
        await fill(p, 2)
        for after in (3, 2**63, 2**80):  # stores count no further than 64 bits
            answer = await page(p, after=after)
            assert (answer["complete"], answer["messages"]) == ("unknown", [])
            since = {"epoch": answer["epoch"], "seq": after}
            joined = await p.ok("join_channel", **RC, since=since)
            assert joined["recovered"] == "unknown"
            await p.ok("leave_channel", **RC)
        assert (await page(p, after=2))["complete"] == "complete"


async def test_small_pages_are_what_is_asked_for_by_default(tmp_path: Path) -> None:
    async with serving(tmp_path / "d", limits_history_page=3) as bus:
        async with peer(bus.url) as p:
            await fill(p, 8)
            assert seqs(await page(p)) == [6, 7, 8]
        async with Client(bus.url) as client:
            items = [item async for item in client.replay("r", "c")]
            assert [item.payload for item in items if isinstance(item, Message)] == [*range(8)]
