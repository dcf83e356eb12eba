"""Messages for later over real sockets, on every backend."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.peer import peer
from support.server import Server, serving

HERE = {"room": "r", "channel": "c"}


@pytest.fixture
async def bus(tmp_path: Path, stored: dict[str, str]) -> AsyncIterator[Server]:
    async with serving(tmp_path / "data", **stored) as server:
        yield server


def at(seconds: float) -> str:
    """A time so far from now, as the server writes it."""
    moment = datetime.now(UTC) + timedelta(seconds=seconds)
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z"


async def test_a_message_comes_when_it_is_due_and_its_receipt_before(
    bus: Server, codec: str
) -> None:
    async with peer(bus.url, codec) as p:
        joined = await p.ok("join_channel", **HERE)
        when = at(0.3)
        kept = await p.publish("r", "c", {"n": 1}, id="m1", deliver_at=when, metadata={"k": 1})
        now = await p.publish("r", "c", "now")
        first = await p.until("message") if now["type"] == "ack" else None
        history = await p.ok("history", **HERE, after=1)
        while (status := await p.ok("status"))["delayed"]["waiting"]:
            pass
    assert (kept["type"], kept["deliver_at"], "seq" in kept) == ("ack", when, False)
    assert (kept["durability"], kept["request_id"]) == (joined["durability"], "m1")
    assert first is not None
    assert (first["seq"], first["id"], first["payload"], first["metadata"]) == (
        2,
        "m1",
        {"n": 1},
        {"k": 1},
    )
    assert history["messages"][0]["stored_at"] >= when
    assert status["ledger"]["balanced"] is True


async def test_the_order_is_that_of_time_and_then_of_arrival(bus: Server) -> None:
    async with peer(bus.url) as p:
        await p.ok("join_channel", **HERE)
        early, late = at(0.3), at(0.5)
        for payload, when in (("d", late), ("a", early), ("e", late), ("b", early), ("c", early)):
            await p.publish("r", "c", payload, deliver_at=when)
        order = [(await p.until("message"))["payload"] for _ in range(5)]
    assert order == ["a", "b", "c", "d", "e"]


async def test_what_is_due_already_is_a_publish_like_any_other(bus: Server) -> None:
    async with peer(bus.url) as p:
        ack = await p.publish("r", "c", 1, deliver_at="2020-01-01T00:00:00Z", id="x")
        again = await p.publish("r", "c", 1, deliver_at=at(60), id="x")
    assert (ack["seq"], "deliver_at" in ack) == (1, False)
    assert again["seq"] == 1


async def test_a_repeated_id_is_one_message(bus: Server) -> None:
    async with peer(bus.url) as p:
        await p.ok("join_channel", **HERE)
        when = at(0.4)
        first = await p.publish("r", "c", 1, id="x", deliver_at=when)
        second = await p.publish("r", "c", 1, id="x", deliver_at=when)
        other = await p.publish("r", "c", 2, id="x", deliver_at=when)
        got = await p.until("message")
        late = await p.publish("r", "c", 1, id="x")
    assert (first["deliver_at"], second["deliver_at"]) == (when, when)
    assert other["error_code"] == "CONFLICT"
    assert (got["id"], got["seq"], late["seq"]) == ("x", 1, 1)


async def test_listing_and_cancelling(bus: Server) -> None:
    async with peer(bus.url) as p:
        await p.ok("join_channel", **HERE)
        for n in range(3):
            await p.publish("r", "c", n, id=f"m{n}", deliver_at=at(3600))
        page = await p.ok("delayed.list", **HERE, limit=2)
        rest = await p.ok("delayed.list", **HERE, after=page["next_after"])
        cancelled = await p.ok("delayed.cancel", **HERE, id="m1")
        again = await p.call("delayed.cancel", **HERE, id="m1")
        left = await p.ok("delayed.list", **HERE)
        await p.ok("leave_channel", **HERE)
        in_the_way = await p.call("delete_channel", **HERE)
    assert [m["id"] for m in page["messages"]] == ["m0", "m1"]
    assert [m["id"] for m in rest["messages"]] == ["m2"]
    assert (cancelled["cancelled"], again["error_code"]) == (True, "NOT_FOUND")
    assert [m["id"] for m in left["messages"]] == ["m0", "m2"]
    assert in_the_way["error_code"] == "CONFLICT"


async def test_what_is_refused(tmp_path: Path, stored: dict[str, str]) -> None:
    limits = {"delayed_max_messages": 2, "delayed_max_delay": 60}
    async with (
        serving(tmp_path / "data", **stored, **limits) as server,
        peer(server.url) as p,
    ):
        codes = [
            (await p.publish(room, "c", 1, **more))["error_code"]
            for room, more in (
                ("r", {"deliver_at": "tomorrow"}),
                ("r", {"deliver_at": "2099-01-01T00:00:00+01:00"}),
                ("r", {"deliver_at": "2099-01-01T00:00:00Z"}),
                ("_arqonbus", {"deliver_at": at(30)}),
                ("r", {"deliver_at": at(30), "require": "replicated"}),
            )
        ]
        await p.send(type="message", id="d", to="c_1", payload=1, deliver_at=at(30))
        direct = await p.until("error")
        for _ in range(2):
            await p.publish("r", "c", 1, deliver_at=at(30))
        full = await p.publish("r", "c", 1, deliver_at=at(30))
    assert codes == [*["VALIDATION_ERROR"] * 4, "DURABILITY_NOT_MET"]
    assert (direct["error_code"], full["error_code"]) == ("VALIDATION_ERROR", "RATE_LIMITED")
