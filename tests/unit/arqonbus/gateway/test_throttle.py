"""A session over a rate: what fits is taken in order, the rest is refused, and it is not read."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.arqonbus.gateway.fakes import FakeConnection
from unit.arqonbus.gateway.wired import Stage, Wired, command, publish

from arqonbus.gateway.session import Session
from arqonbus.model.address import Address
from arqonbus.protocol.close import CloseCode

RATES = {"burst": 1.0, "connection_messages": 5.0, "refusals_before_close": 100}


def limited(**rates: float) -> tuple[Wired, Session, FakeConnection]:
    wired = Wired(rates={**RATES, **rates})
    return wired, *wired.session("c_1")


def send(session: Session, numbers: range) -> None:
    for number in numbers:
        session.receive(publish(number, id=f"m{number}"))


def told(connection: FakeConnection, kind: str) -> list[str]:
    return [frame["request_id"] for frame in connection.of(kind)]


def test_what_fits_is_taken_and_the_rest_is_refused_in_order() -> None:
    wired, session, connection = limited()
    send(session, range(9))
    wired.turn()
    assert told(connection, "ack") == [f"m{n}" for n in range(5)]
    assert told(connection, "error") == [f"m{n}" for n in range(5, 9)]
    first = connection.of("error")[0]
    assert first["error_code"] == "RATE_LIMITED"
    assert first["payload"] == {"retryable": True, "retry_after": 0.8}
    assert wired.counted("limit_refusals_total", limit="rates.connection_messages") == 4
    assert wired.counted("security_events_total", kind="refusal") == 4


def test_it_is_read_again_once_what_was_refused_would_fit() -> None:
    wired, session, connection = limited()
    send(session, range(9))
    wired.turn()
    assert connection.reading == ["pause"]
    wired.passes(0.7)
    assert connection.reading == ["pause"]
    wired.passes(0.2)
    assert connection.reading == ["pause", "resume"]
    send(session, range(5, 9))
    wired.turn()
    assert len(connection.of("error")) == 4


def test_one_that_goes_on_is_closed() -> None:
    wired, session, connection = limited(refusals_before_close=17)
    send(session, range(50))
    wired.turn()
    send(session, range(50, 60))
    wired.passes(1.0)
    wired.turn()
    assert connection.closed == []
    wired.passes(1.0)
    assert connection.closed == [CloseCode.RATE_LIMITED]


def test_one_that_was_refused_long_ago_is_not_closed() -> None:
    wired, session, connection = limited(refusals_before_close=3)
    for _ in range(5):
        send(session, range(8))
        wired.turn()
        wired.passes(10)
    assert connection.closed == []


@given(turns=st.lists(st.tuples(st.floats(0, 2), st.integers(0, 12)), max_size=8))
def test_every_frame_is_taken_or_refused(turns: list[tuple[float, int]]) -> None:
    wired, session, connection = limited(refusals_before_close=1_000_000)
    sent = 0
    for pause, count in turns:
        wired.passes(pause)
        send(session, range(sent, sent + count))
        sent += count
        wired.turn()
    while wired.timers:
        wired.passes(1.0)
        wired.turn()
    acks, errors = told(connection, "ack"), told(connection, "error")
    assert sorted(acks + errors, key=lambda name: int(name[1:])) == [f"m{n}" for n in range(sent)]
    assert acks == sorted(acks, key=lambda name: int(name[1:]))
    channel = wired.hub.find(Address("r", "c"))
    assert len(acks) == (channel.last_seq if channel else 0)


def test_bytes_are_those_on_the_wire() -> None:
    wide = json.dumps(json.loads(publish("é" * 50, id="m2")), ensure_ascii=False)
    wired, session, connection = limited(connection_bytes=len(wide) + 10.0)
    assert len(wide) + 10 < len(wide.encode())
    session.receive(wide)
    wired.turn()
    assert told(connection, "error") == ["m2"]


async def test_frames_behind_a_command_are_weighed_when_their_turn_comes() -> None:
    stage = Stage()
    wired = Wired(more=stage.commands(), rates=RATES)
    session, connection = wired.session("c_1")
    session.receive(command("hold", "h"))
    send(session, range(9))
    wired.turn()
    await stage.began.wait()
    assert connection.frames == []
    wired.passes(1.0)
    stage.release.set()
    await wired.until_quiet()
    assert told(connection, "ack") == [f"m{n}" for n in range(5)]
    assert len(connection.of("error")) == 4


@pytest.mark.parametrize("kind", ["commands", "direct"])
async def test_one_kind_alone(kind: str) -> None:
    wired, session, connection = limited(connection_messages=1000.0, **{f"connection_{kind}": 2.0})
    for number in range(4):
        one = command("ping", f"q{number}") if kind == "commands" else publish(1, to="c_1", id="d")
        session.receive(one)
        await wired.until_quiet()
    session.receive(publish(1, id="m"))
    wired.passes(0.5)
    await wired.until_quiet()
    assert [frame["error_code"] for frame in connection.of("error")] == ["RATE_LIMITED"]
    assert "m" in told(connection, "ack")
    assert connection.reading == ["pause", "resume"]


def test_an_unreadable_frame_over_the_rate_is_a_violation() -> None:
    wired, session, connection = limited()
    send(session, range(5))
    session.receive("{")
    wired.turn()
    assert [frame["error_code"] for frame in connection.of("error")] == ["VALIDATION_ERROR"]


def test_a_session_that_ends_leaves_no_timer() -> None:
    wired, session, _ = limited()
    send(session, range(9))
    wired.turn()
    session.ended()
    assert wired.timers == []


def test_more_than_a_few_at_once_wait_instead_of_being_refused() -> None:
    wired, session, connection = limited(refusals_before_close=1000)
    send(session, range(300))
    wired.turn()
    assert len(connection.of("error")) == 16
    wired.passes(1.0)
    wired.turn()
    assert told(connection, "ack")[5:] == [f"m{n}" for n in range(21, 26)]


def test_coming_back_with_nothing_left_is_not_read() -> None:
    wired, session, _ = limited(tenant_messages=5.0)
    send(session, range(5))
    wired.turn()
    again, connection = wired.session("c_2")
    assert connection.reading == ["pause"]
    send(again, range(3))
    wired.turn()
    assert connection.frames == []
    wired.passes(1.0)
    wired.turn()
    assert told(connection, "ack") == ["m0", "m1", "m2"]
