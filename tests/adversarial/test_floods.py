"""Whoever sends more than a rate allows is refused, not read, sent away; others go on."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from support.peer import LIMIT, Peer, peer
from support.server import serving
from websockets.exceptions import ConnectionClosed

COUNT = 400
# A rate that does not refill within a test: what is taken is the burst, exactly.
SLOW: dict[str, object] = {"storage_backend": "memory", "rates_burst": "10"}


async def flood(sender: Peer, count: int) -> None:
    for number in range(count):
        await sender.send(
            type="message", room="r", channel="c", id=f"m{number}", payload=number, qos=1
        )


async def answers(sender: Peer) -> tuple[list[str], list[str]]:
    """The ids that were acknowledged and refused, until the server closes."""
    taken: list[str] = []
    refused: list[str] = []
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            frame = await sender.receive()
            (taken if frame["type"] == "ack" else refused).append(frame["request_id"])
            if frame["type"] == "error":
                assert frame["error_code"] == "RATE_LIMITED"
                assert frame["payload"]["retryable"]
                assert frame["payload"]["retry_after"] > 0
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4003
    return taken, refused


def number(message_id: str) -> int:
    return int(message_id[1:])


async def test_a_flood_is_taken_as_far_as_it_may_be_and_ends_with_4003(tmp_path: Path) -> None:
    limits = {"rates_connection_messages": "100", "rates_refusals_before_close": "5"}
    bus_settings = SLOW | {"rates_burst": "1"} | limits
    async with (
        serving(tmp_path, **bus_settings) as bus,
        peer(bus.url) as quiet,
        peer(bus.url) as loud,
    ):
        sending = asyncio.create_task(flood(loud, COUNT))
        taken, refused = await asyncio.wait_for(answers(loud), LIMIT * 2)
        await asyncio.gather(sending, return_exceptions=True)
        assert (await quiet.publish("r", "other", "still served"))["type"] == "ack"
        books = (await quiet.ok("status"))["ledger"]
    assert len(taken) >= 100
    assert taken == sorted(taken, key=number)
    assert refused == sorted(refused, key=number)
    answered = sorted([*taken, *refused], key=number)
    assert answered == [f"m{n}" for n in range(len(answered))]
    assert books["published"] == len(taken) + 1


async def test_bytes_are_limited_whatever_the_frames(tmp_path: Path) -> None:
    limits = {"rates_connection_bytes": "200", "limits_max_frame_bytes": "1024"}
    async with serving(tmp_path, **SLOW, **limits) as bus, peer(bus.url) as loud:
        codes = []
        for number in range(4):
            answer = await loud.publish("r", "c", "x" * 800, id=f"m{number}")
            codes.append(answer.get("error_code", "ack"))
    assert codes == ["ack", "ack", "RATE_LIMITED", "ack"]


async def test_refusals_are_told_in_the_metrics_and_the_log(tmp_path: Path) -> None:
    limits = {"rates_connection_commands": "0.1"}
    async with serving(tmp_path, **SLOW, **limits) as bus, peer(bus.url) as one:
        await one.ok("ping")
        refused = await one.call("ping")
        assert refused["error_code"] == "RATE_LIMITED"
        assert json.dumps(refused).count("rates.connection_commands") == 1
    (event,) = [it for it in bus.events("security event") if it["kind"] == "refusal"]
    assert (event["what"], event["target"]) == ("RATE_LIMITED", "rates.connection_commands")
