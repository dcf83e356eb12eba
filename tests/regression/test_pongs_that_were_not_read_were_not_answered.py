"""A peer that was not read, for it had sent more than a rate allows, was closed for not answering
a ping: what it had sent before kept its socket unread for longer than any single wait.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from support.peer import peer
from support.server import serving
from unit.arqonbus.gateway.wired import Wired, publish

FRAMES = 600
RATES = {"burst": 1.0, "connection_messages": 5.0, "refusals_before_close": 100}


def test_a_ping_needs_no_answer_while_frames_wait() -> None:
    wired = Wired(rates=RATES)
    session, connection = wired.session("c_1")
    for number in range(60):
        session.receive(publish(number, id=f"m{number}"))
    wired.turn()
    waits = excused = 0
    while len(connection.of("ack")) + len(connection.of("error")) < 60:
        wired.passes(1.0)
        wired.turn()
        assert connection.excused > excused
        waits, excused = waits + 1, connection.excused
    assert waits > 1


async def test_it_answers_and_stays(tmp_path: Path) -> None:
    rates = {"rates_connection_messages": 100, "rates_burst": 0.5}
    beats = {"heartbeat_interval": 1, "heartbeat_timeout": 1}
    async with serving(tmp_path, **rates, **beats) as bus, peer(bus.url) as p:
        for number in range(FRAMES):
            await p.send(type="message", id=f"m{number}", room="r", channel="c", payload=1)
        answers: list[str] = []
        async with asyncio.timeout(60):
            while len(answers) < FRAMES:
                answers.append((await p.receive())["type"])
        assert set(answers) == {"ack", "error"}
