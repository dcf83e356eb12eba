"""A session: frames strictly in order, a bounded backlog, refusals that leak nothing."""

from __future__ import annotations

import asyncio
import json

import msgspec
import pytest
from structlog.testing import capture_logs
from unit.arqonbus.gateway.fakes import Frame, settled, unframed
from unit.arqonbus.gateway.wired import Stage, Wired, command, publish

from arqonbus.model.address import Address
from arqonbus.model.principal import ANONYMOUS, Principal
from arqonbus.protocol.close import CloseCode
from arqonbus.protocol.msgpack_codec import MsgpackCodec
from arqonbus.routing.hub import Channel

BACKLOG = 64


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def wired(stage: Stage) -> Wired:
    return Wired(None, {"violations_before_close": 3}, more=stage.commands())


def answered(frames: list[Frame]) -> list[str]:
    return [frame["request_id"] for frame in frames]


def test_it_registers_and_greets(wired: Wired) -> None:
    session, connection = wired.session("c_1", principal=Principal("ada"))
    assert wired.hub.peers == {"c_1": session}
    session.start()
    payload = connection.only("welcome")["payload"]
    assert (payload["client_id"], payload["subject"]) == ("c_1", "ada")
    assert payload["subprotocol"] == "arqonbus.v1.json"


@pytest.mark.parametrize(
    ("principal", "scope"), [(ANONYMOUS, ""), (Principal("ada"), "ada\0")], ids=["nobody", "ada"]
)
def test_ids_are_remembered_by_subject(wired: Wired, principal: Principal, scope: str) -> None:
    session, _ = wired.session("c_1", principal=principal)
    assert session.dedup_scope == scope


def test_frames_wait_for_the_end_of_the_turn_and_are_taken_in_order(wired: Wired) -> None:
    session, connection = wired.session("c_1")
    for number in range(5):
        session.receive(publish(number, id=f"m{number}"))
    assert connection.frames == []
    wired.turn()
    acks = connection.of("ack")
    assert answered(acks) == [f"m{number}" for number in range(5)]
    assert [ack["seq"] for ack in acks] == [1, 2, 3, 4, 5]


def test_receipts_of_one_commit_are_one_write(wired: Wired) -> None:
    session, connection = wired.session("c_1")
    for number in range(5):
        session.receive(publish(number))
    wired.turn()
    assert len(connection.writes) == 1


async def test_frames_behind_a_command_wait_for_it(wired: Wired, stage: Stage) -> None:
    session, connection = wired.session("c_1")
    for frame in (publish(1, id="m1"), command("hold", "h"), publish(2, id="m2")):
        session.receive(frame)
    wired.turn()
    await stage.began.wait()
    session.receive(publish(3, id="m3"))
    wired.turn()
    assert answered(connection.frames) == ["m1"]
    stage.release.set()
    await wired.until_quiet()
    assert answered(connection.frames) == ["m1", "h", "m2", "m3"]
    assert [ack["seq"] for ack in connection.of("ack")] == [1, 2, 3]


async def test_a_command_ends_with_what_it_left_for_after_its_answer(
    wired: Wired, stage: Stage
) -> None:
    session, _ = wired.session("c_1")
    for request_id in ("one", "two"):
        session.receive(command("hold", request_id))
    stage.release.set()
    await wired.until_quiet()
    assert stage.steps == ["began", "ended", "then"] * 2


async def test_a_full_backlog_pauses_reading_once_and_resumes_it(
    wired: Wired, stage: Stage
) -> None:
    session, connection = wired.session("c_1")
    session.receive(command("hold", "h"))
    wired.turn()
    for number in range(BACKLOG - 1):
        session.receive(publish(number))
    assert connection.reading == []
    for number in range(3):
        session.receive(publish(number))
        assert connection.reading == ["pause"]
    stage.release.set()
    await wired.until_quiet()
    assert connection.reading == ["pause", "resume"]
    assert len(connection.of("ack")) == BACKLOG + 2


async def test_reading_stays_paused_while_the_next_command_holds_the_rest(
    wired: Wired, stage: Stage
) -> None:
    session, connection = wired.session("c_1")
    session.receive(command("refuse", "r"))
    wired.turn()
    session.receive(command("hold", "h"))
    for number in range(BACKLOG):
        session.receive(publish(number))
    await settled()
    wired.turn()
    await stage.began.wait()
    assert connection.reading == ["pause"]
    stage.release.set()
    await wired.until_quiet()
    assert connection.reading == ["pause", "resume"]


def test_many_frames_without_a_command_pause_nothing(wired: Wired) -> None:
    session, connection = wired.session("c_1")
    for number in range(3 * BACKLOG):
        session.receive(publish(number))
    wired.turn()
    assert connection.reading == []
    assert len(connection.of("ack")) == 3 * BACKLOG


def test_reading_resumes_when_the_last_reason_to_pause_is_gone(wired: Wired) -> None:
    session, connection = wired.session("c_1")
    session.pause_reading()
    session.pause_reading()
    session.resume_reading()
    assert "resume" not in connection.reading
    session.resume_reading()
    assert connection.reading[-1] == "resume"


def test_violations_close_at_the_limit_and_not_before(wired: Wired) -> None:
    session, connection = wired.session("c_1")
    for number in range(2):
        session.receive(f"no envelope {number}")
    wired.turn()
    assert connection.closed == []
    session.receive("[]")
    wired.turn()
    assert connection.closed == [CloseCode.POLICY_VIOLATION]
    assert [frame["error_code"] for frame in connection.of("error")] == ["VALIDATION_ERROR"] * 3
    assert wired.counted("protocol_errors_total", code="VALIDATION_ERROR") == 3


def test_refused_requests_are_no_violations(wired: Wired) -> None:
    session, connection = wired.session("c_1")
    for number in range(9):
        session.receive(publish(number, room="-bad"))
    wired.turn()
    assert len(connection.of("error")) == 9
    assert connection.closed == []


def test_what_follows_the_closing_violation_is_not_taken(wired: Wired) -> None:
    session, connection = wired.session("c_1")
    connection.on_close = session.discard  # as the listener does
    for frame in ("1", "2", "3", publish("late", id="late")):
        session.receive(frame)
    wired.turn()
    assert [frame["type"] for frame in connection.frames] == ["error"] * 3
    assert len(wired.hub) == 0


@pytest.mark.parametrize(
    ("frame", "code", "request_id"),
    [
        ('{"type":"message","id":"m1"}', "VALIDATION_ERROR", "m1"),
        ('{"type":"message","id":"no good"}', "VALIDATION_ERROR", None),
        ('{"type":"command","version":"2.0","id":"m1"}', "UNSUPPORTED_VERSION", "m1"),
        ('{"type":"telemetry","id":"m1"}', "UNKNOWN_TYPE", "m1"),
        ('{"type":["message"]}', "UNKNOWN_TYPE", None),
        ("{", "VALIDATION_ERROR", None),
        ("[" * 100_000, "VALIDATION_ERROR", None),
        (publish(1, room="-", id="m1"), "VALIDATION_ERROR", "m1"),
        (publish(1, room="-"), "VALIDATION_ERROR", None),
    ],
)
def test_a_refusal_names_the_request_if_it_can_be_read(
    wired: Wired, frame: str, code: str, request_id: str | None
) -> None:
    session, connection = wired.session("c_1")
    session.receive(frame)
    wired.turn()
    error = connection.only("error")
    assert (error["error_code"], error.get("request_id")) == (code, request_id)
    assert error["payload"] == {"retryable": False}


def test_good_frames_around_a_bad_one_are_taken(wired: Wired) -> None:
    session, connection = wired.session("c_1")
    for frame in (publish(1, id="m1"), "bad", publish(2, room="-", id="m2"), publish(3, id="m3")):
        session.receive(frame)
    wired.turn()
    assert answered(connection.of("ack")) == ["m1", "m3"]
    assert [error.get("request_id") for error in connection.of("error")] == [None, "m2"]


def plant_a_bug(wired: Wired, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let everything that is sent to the room `bug` meet a defect of the bus."""
    obtain = wired.hub.obtain

    def broken(address: Address) -> Channel:
        if address.room == "bug":
            raise KeyError("a detail that must not leave")
        return obtain(address)

    monkeypatch.setattr(wired.hub, "obtain", broken)


def assert_internal(wired: Wired, error: Frame, logged: list[Frame]) -> None:
    assert error["error_code"] == "INTERNAL"
    assert error["error"] == "internal error; the server has logged it"
    assert "detail" not in json.dumps(error)
    (line,) = logged
    assert (line["log_level"], line["client_id"], line["exc_info"]) == ("error", "c_1", True)
    assert wired.counted("internal_errors_total", where="session") == 1


def test_an_unforeseen_exception_tells_no_detail_and_ends_nothing(
    wired: Wired, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant_a_bug(wired, monkeypatch)
    session, connection = wired.session("c_1")
    session.receive(publish("bad", room="bug", id="m1"))
    session.receive(publish("fine", id="m2"))
    with capture_logs() as logged:
        wired.turn()
    error = connection.only("error")
    assert_internal(wired, error, [dict(line) for line in logged])
    assert error["request_id"] == "m1"
    assert answered(connection.of("ack")) == ["m2"]
    assert connection.closed == []


async def test_nor_does_one_in_a_command(wired: Wired) -> None:
    session, connection = wired.session("c_1")
    session.receive(command("boom", "b"))
    session.receive(publish("fine", id="m2"))
    with capture_logs() as logged:
        await wired.until_quiet()
    error = connection.only("error")
    assert_internal(wired, error, [dict(line) for line in logged])
    assert error["request_id"] == "b"
    assert answered(connection.of("ack")) == ["m2"]


def test_finish_takes_what_waits_first(wired: Wired) -> None:
    session, connection = wired.session("c_1")
    session.receive(publish(1, qos=0))
    calls: list[int] = []
    session.finish(lambda: calls.append(len(wired.hub)))
    assert calls == [1]
    assert connection.closed == []


async def test_finish_waits_for_a_command_and_what_is_behind_it(wired: Wired, stage: Stage) -> None:
    session, connection = wired.session("c_1")
    session.receive(command("hold", "h"))
    wired.turn()
    session.receive(publish(1, id="m1"))
    calls: list[list[str]] = []
    session.finish(lambda: calls.append(list(stage.steps)))
    await stage.began.wait()
    wired.turn()
    assert calls == []
    stage.release.set()
    await wired.until_quiet()
    assert calls == [["began", "ended", "then"]]
    assert answered(connection.frames) == ["h", "m1"]


@pytest.mark.parametrize("turned", [True, False])
async def test_finish_with_nothing_behind_the_command(
    wired: Wired, stage: Stage, turned: bool
) -> None:
    session, _ = wired.session("c_1")
    session.receive(command("hold"))
    if turned:
        wired.turn()
    calls: list[int] = []
    session.finish(lambda: calls.append(1))
    assert calls == []
    stage.release.set()
    await wired.until_quiet()
    assert calls == [1]


def test_discarded_frames_are_not_taken(wired: Wired) -> None:
    session, connection = wired.session("c_1")
    session.receive(publish(1, id="m1"))
    session.discard()
    wired.turn()
    assert connection.frames == []
    session.receive(publish(2, id="m2"))
    wired.turn()
    assert answered(connection.frames) == ["m2"]


async def test_frames_behind_a_command_can_be_discarded(wired: Wired, stage: Stage) -> None:
    session, connection = wired.session("c_1")
    session.receive(command("hold", "h"))
    session.receive(publish(1, id="m1"))
    wired.turn()
    session.discard()
    stage.release.set()
    await wired.until_quiet()
    assert answered(connection.frames) == ["h"]


async def test_the_end_leaves_every_channel_and_the_hub(wired: Wired) -> None:
    session, connection = wired.session("c_1")
    for channel in ("a", "b"):
        session.receive(command("join_channel", room="r", channel=channel))
    await wired.until_quiet()
    assert [channel.subscribers for channel in wired.hub] == [1, 1]
    session.ended()
    assert [channel.subscribers for channel in wired.hub] == [0, 0]
    assert session.joined == {}
    assert wired.hub.peers == {}
    other, _ = wired.session("c_2")
    other.receive(publish(1, channel="a"))
    await wired.until_quiet()
    assert connection.positions == []


async def test_the_end_cancels_the_command_and_drops_what_waits(wired: Wired, stage: Stage) -> None:
    session, connection = wired.session("c_1")
    session.receive(command("hold", "h"))
    session.receive(publish(1, id="m1"))
    wired.turn()
    await stage.began.wait()
    calls: list[int] = []
    session.finish(lambda: calls.append(1))
    session.ended()
    await wired.until_quiet()
    assert stage.steps == ["began"]
    assert connection.frames == []
    assert calls == []
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_gap_names_its_positions(wired: Wired) -> None:
    session, _ = wired.session("c_1")
    channel = await wired.channel()
    (frame,) = unframed(session.gap_frame(channel, channel.epoch, 3, 7, "slow consumer"))
    gap = json.loads(frame[1])
    assert frame[0] == 1
    assert (gap["type"], gap["room"], gap["channel"]) == ("gap", "r", "c")
    assert gap["epoch"] == channel.epoch
    assert gap["payload"] == {"from_seq": 3, "to_seq": 7, "reason": "slow consumer"}


def test_a_binary_peer_gets_binary_frames(wired: Wired) -> None:
    session, connection = wired.session("c_1", codec=MsgpackCodec())
    session.receive(msgspec.msgpack.encode(json.loads(publish(1, id="m1"))))
    session.receive("text")
    session.notice({"event": "news"})
    wired.turn()
    assert {opcode for data in connection.writes for opcode, _ in unframed(data)} == {2}
    assert connection.only("notice")["payload"] == {"event": "news"}
    assert connection.only("ack")["request_id"] == "m1"
    assert connection.only("error")["error_code"] == "VALIDATION_ERROR"
