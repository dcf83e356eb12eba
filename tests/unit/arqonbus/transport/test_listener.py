"""One connection: frames to messages, and its closing from either side."""

from __future__ import annotations

import msgspec
import pytest
from picows import WSMsgType
from structlog.testing import capture_logs
from unit.arqonbus.gateway.wired import command, publish
from unit.arqonbus.transport.sockets import OUTBOX, Heard, ws_frame

from arqonbus.protocol.close import REASONS, CloseCode
from arqonbus.protocol.msgpack_codec import MsgpackCodec

HELLO = publish("hello", id="m1")


@pytest.fixture
def heard() -> Heard:
    made = Heard()
    made.connect()
    return made


def acks(heard: Heard) -> list[str]:
    heard.wired.turn()
    return [frame["request_id"] for frame in heard.frames if frame["type"] == "ack"]


def test_a_connection_is_greeted_and_counted() -> None:
    heard = Heard()
    assert heard.wired.hub.peers == {}
    heard.listener.on_ws_connected(heard.transport)
    heard.wired.turn()
    assert [frame["type"] for frame in heard.frames] == ["welcome"]
    assert list(heard.shared.listeners) == [heard.listener]
    assert list(heard.wired.hub.peers) == ["c_1"]
    assert heard.wired.counted("connections") == 1


def test_a_whole_frame_is_a_message_and_its_bytes_are_counted(heard: Heard) -> None:
    heard.text(HELLO)
    assert acks(heard) == ["m1"]
    assert heard.wired.counted("bytes_in_total") == len(HELLO)


def test_a_binary_connection_takes_binary_frames() -> None:
    heard = Heard(MsgpackCodec())
    heard.connect()
    envelope = {"type": "message", "room": "r", "channel": "c", "payload": 1, "id": "m1"}
    data = msgspec.msgpack.encode(envelope)
    heard.hear(WSMsgType.BINARY, data[:5], fin=False)
    heard.more(data[5:], fin=True)
    heard.hear(WSMsgType.BINARY, data)
    assert acks(heard) == ["m1", "m1"]


@pytest.mark.parametrize("cuts", [(3,), (3, 9), (0, 5, 5)])
def test_fragments_are_one_message(heard: Heard, cuts: tuple[int, ...]) -> None:
    pieces = [HELLO[a:b] for a, b in zip((0, *cuts), (*cuts, None), strict=True)]
    heard.text(pieces[0], fin=False)
    for piece in pieces[1:-1]:
        heard.more(piece)
    assert acks(heard) == []
    heard.more(pieces[-1], fin=True)
    heard.text(publish("next", id="m2"))
    assert acks(heard) == ["m1", "m2"]
    assert heard.closes == []


def test_a_character_may_be_cut_in_two(heard: Heard) -> None:
    data = publish("é", id="m1").replace("\\u00e9", "é").encode()
    middle = data.index("é".encode()) + 1
    heard.text(data[:middle], fin=False)
    heard.more(data[middle:], fin=True)
    assert acks(heard) == ["m1"]


@pytest.mark.parametrize("kind", [WSMsgType.PING, WSMsgType.PONG])
def test_control_frames_amid_fragments_harm_nothing(heard: Heard, kind: WSMsgType) -> None:
    heard.text(HELLO[:5], fin=False)
    heard.hear(kind, b"x")
    heard.more(HELLO[5:], fin=True)
    assert acks(heard) == ["m1"]


def test_a_continuation_of_nothing_is_a_protocol_error(heard: Heard) -> None:
    heard.more(HELLO, fin=True)
    assert heard.closes == [CloseCode.PROTOCOL_ERROR]


@pytest.mark.parametrize("fin", [True, False])
def test_a_new_message_amid_fragments_is_a_protocol_error(heard: Heard, fin: bool) -> None:
    heard.text(HELLO[:5], fin=False)
    heard.text(HELLO, fin=fin)
    assert heard.closes == [CloseCode.PROTOCOL_ERROR]
    assert acks(heard) == []


def test_the_other_data_type_is_not_taken(heard: Heard) -> None:
    heard.hear(WSMsgType.BINARY, HELLO)
    assert heard.closes == [CloseCode.UNSUPPORTED_DATA]
    assert acks(heard) == []


def test_text_that_is_no_utf8_closes(heard: Heard) -> None:
    heard.text(b'{"\xff"}')
    assert heard.closes == [CloseCode.INVALID_TEXT]


def test_so_does_it_in_fragments(heard: Heard) -> None:
    heard.text(b'{"\xc3', fin=False)
    heard.more(b'"}', fin=True)
    assert heard.closes == [CloseCode.INVALID_TEXT]


def test_fragments_are_bounded_together(heard: Heard) -> None:
    heard.text(b" " * 600, fin=False)
    heard.more(b" " * 400)
    assert heard.closes == []
    heard.more(b" ")
    assert heard.closes == [CloseCode.MESSAGE_TOO_BIG]


def test_pieces_without_content_are_bounded_too(heard: Heard) -> None:
    heard.text(b"", fin=False)
    for _ in range(15):
        heard.more(b"")
    assert heard.closes == []
    heard.more(b"")
    assert heard.closes == [CloseCode.MESSAGE_TOO_BIG]


@pytest.mark.parametrize("kind", [WSMsgType.TEXT, WSMsgType.PING, WSMsgType.CLOSE])
def test_a_reserved_bit_is_a_protocol_error(heard: Heard, kind: WSMsgType) -> None:
    heard.listener.on_ws_frame(heard.transport, ws_frame(kind, HELLO.encode(), reserved=True))
    assert heard.closes == [CloseCode.PROTOCOL_ERROR]
    assert acks(heard) == []


def test_many_small_messages_are_not_too_big(heard: Heard) -> None:
    for number in range(30):
        heard.text(HELLO[:5], fin=False)
        heard.more(HELLO[5:].replace("m1", f"m{number}"), fin=True)
    assert len(acks(heard)) == 30


def test_what_came_before_a_violation_is_taken_and_answered(heard: Heard) -> None:
    heard.text(HELLO)
    heard.hear(WSMsgType.BINARY, b"x")
    heard.text(publish("late", id="m2"))
    heard.wired.turn()
    (channel,) = heard.wired.hub
    assert channel.last_seq == 1
    assert heard.closes == [CloseCode.UNSUPPORTED_DATA]


async def test_a_violation_waits_for_the_command_before_it(heard: Heard) -> None:
    heard.text(command("hold", "h"))
    heard.hear(WSMsgType.BINARY, b"x")
    await heard.stage.began.wait()
    assert heard.closes == []
    heard.stage.release.set()
    await heard.wired.until_quiet()
    assert [frame["request_id"] for frame in heard.frames] == ["h"]
    assert heard.closes == [CloseCode.UNSUPPORTED_DATA]


@pytest.mark.parametrize(
    ("code", "echoed"), [(1000, 1000), (1001, 1001), (4321, 4321), (None, 1000)]
)
def test_the_peers_close_is_echoed_after_what_it_sent(
    heard: Heard, code: int | None, echoed: int
) -> None:
    heard.text(publish(1, qos=0))
    heard.close_frame(code)
    assert heard.socket.calls == [("close", echoed, None), ("disconnect", True)]
    heard.wired.turn()
    assert [channel.last_seq for channel in heard.wired.hub] == [1]


def test_what_came_before_the_peers_close_is_answered_before_its_echo(heard: Heard) -> None:
    heard.text(publish(1, room="-bad", id="m1"))
    heard.close_frame(1000)
    assert [frame["request_id"] for frame in heard.frames] == ["m1"]


async def test_a_close_waits_for_the_command_before_it_and_its_answer(heard: Heard) -> None:
    heard.text(command("hold", "h"))
    heard.close_frame(1000)
    await heard.stage.began.wait()
    assert heard.socket.calls == []
    heard.stage.release.set()
    await heard.wired.until_quiet()
    assert [frame["request_id"] for frame in heard.frames] == ["h"]
    assert heard.socket.calls == [("close", 1000, None), ("disconnect", True)]


def test_our_close_writes_what_waits_and_says_why(heard: Heard) -> None:
    assert heard.listener.send(b"\x81\x02{}")
    heard.listener.close(CloseCode.GOING_AWAY)
    assert heard.pipe.data == b"\x81\x02{}"
    reason = REASONS[CloseCode.GOING_AWAY].encode()
    assert heard.socket.calls == [("close", 4000, reason)]
    assert not heard.listener.send(b"late")
    heard.listener.close(CloseCode.IDLE)
    assert heard.closes == [4000]


def test_after_our_close_no_frame_is_taken(heard: Heard) -> None:
    heard.text(HELLO)
    heard.listener.close(CloseCode.GOING_AWAY)
    heard.text(HELLO)
    heard.text(HELLO[:5], fin=False)
    heard.more(HELLO[5:], fin=True)
    heard.hear(WSMsgType.BINARY, b"x")
    heard.wired.turn()
    assert len(heard.wired.hub) == 0
    assert heard.closes == [4000]


def test_the_answer_to_our_close_is_not_answered(heard: Heard) -> None:
    heard.listener.close(CloseCode.GOING_AWAY)
    heard.close_frame(4000)
    assert heard.closes == [4000]
    assert heard.socket.calls[-1] == ("disconnect", True)


def test_a_close_reads_on_so_that_its_answer_is_heard(heard: Heard) -> None:
    heard.listener.pause_reading()
    heard.listener.close(CloseCode.GOING_AWAY)
    assert heard.pipe.reading == ["pause", "resume"]
    heard.listener.pause_reading()
    assert heard.pipe.reading == ["pause", "resume"]


def test_a_peer_that_ignores_our_close_is_cut(heard: Heard) -> None:
    heard.listener.close(CloseCode.GOING_AWAY)
    heard.timers.fire()
    assert heard.socket.calls[-1] == ("disconnect", False)


def test_a_peer_that_went_is_not_cut_again(heard: Heard) -> None:
    heard.listener.close(CloseCode.GOING_AWAY)
    heard.close_frame(4000)
    heard.timers.fire()
    assert ("disconnect", False) not in heard.socket.calls


def test_a_peer_that_still_reads_what_waits_is_cut_only_when_it_stops(heard: Heard) -> None:
    heard.pipe.buffered = 1000
    heard.listener.close(CloseCode.GOING_AWAY)
    for left in (900, 1):
        heard.pipe.buffered = left
        heard.timers.fire()
        assert not heard.socket.is_disconnected
    heard.timers.fire()
    assert heard.socket.calls[-1] == ("disconnect", False)


def test_a_peer_that_has_read_all_and_stays_is_cut(heard: Heard) -> None:
    heard.pipe.buffered = 1000
    heard.listener.close(CloseCode.GOING_AWAY)
    heard.pipe.buffered = 0
    heard.timers.fire()
    assert heard.socket.calls[-1] == ("disconnect", False)


def test_a_peer_too_slow_is_closed_and_may_resume(heard: Heard) -> None:
    heard.pipe.buffered = OUTBOX
    heard.listener.pause_writing()
    with capture_logs() as logged:
        assert not heard.listener.send(b"\x81\x02{}")
    assert heard.closes == [CloseCode.OUTBOX_OVERFLOW]
    assert [line["client_id"] for line in logged] == ["c_1"]


def test_a_peer_that_reads_again_gets_what_waited(heard: Heard) -> None:
    heard.listener.pause_writing()
    heard.text(HELLO)
    assert acks(heard) == []
    heard.listener.resume_writing()
    assert acks(heard) == ["m1"]


def test_reading_is_passed_to_the_socket(heard: Heard) -> None:
    heard.listener.pause_reading()
    heard.listener.resume_reading()
    assert heard.pipe.reading == ["pause", "resume"]


async def test_a_lost_connection_is_forgotten_once_its_frames_are_taken(heard: Heard) -> None:
    heard.text(command("join_channel", room="r", channel="c"))
    await heard.wired.until_quiet()
    heard.text(publish(1, qos=0))
    for _ in range(2):
        heard.listener.on_ws_disconnected(heard.transport)
        assert heard.wired.counted("connections") == 0
    heard.wired.turn()
    (channel,) = heard.wired.hub
    assert (channel.last_seq, channel.subscribers) == (1, 0)
    assert heard.shared.listeners == {}
    assert heard.wired.hub.peers == {}


def test_before_the_upgrade_there_is_nothing_to_close_or_forget() -> None:
    heard = Heard()
    heard.listener.close(CloseCode.GOING_AWAY)
    heard.listener.pause_reading()
    heard.listener.resume_reading()
    heard.listener.pause_writing()
    heard.listener.resume_writing()
    heard.listener.on_ws_disconnected(heard.transport)
    assert heard.socket.calls == []
    assert heard.pipe.reading == []
    assert heard.wired.counted("connections") == 0


def was_active(heard: Heard) -> bool:
    """Whether the connection was active since this was asked before."""
    active, heard.listener.active = heard.listener.active, False
    return active


def test_only_messages_keep_a_connection_from_being_idle(heard: Heard) -> None:
    assert was_active(heard)
    heard.hear(WSMsgType.PONG, b"")
    heard.text(HELLO[:5], fin=False)
    assert not was_active(heard)
    heard.more(HELLO[5:], fin=True)
    assert was_active(heard)
    heard.text(HELLO)
    assert was_active(heard)
