from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable

import pytest

from checks.adversarial.wire import CLOSE, PING, TEXT, Frame, answer, frame_bytes, knock, opened
from checks.fault import NoAnswerError

LIMIT = 2.0


def serving(*answers: bytes) -> int:
    """A port whose first visitor is given these bytes, whatever it says, and then the end."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with listener, listener.accept()[0] as peer:
            for one in answers:
                peer.recv(65_536)
                peer.sendall(one)

    threading.Thread(target=serve, daemon=True).start()
    return int(listener.getsockname()[1])


def server_frame(opcode: int, payload: bytes) -> bytes:
    return frame_bytes(opcode, payload, masked=False)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536])
def test_a_masked_frame_unmasks_to_its_payload(size: int) -> None:
    payload = bytes(number % 251 for number in range(size))
    raw = frame_bytes(TEXT, payload)
    start = len(raw) - size - 4
    mask, body = raw[start : start + 4], raw[start + 4 :]
    assert bytes(b ^ mask[i % 4] for i, b in enumerate(body)) == payload
    assert raw[1] & 128


def test_a_head_says_what_it_is_told_to() -> None:
    raw = frame_bytes(PING, b"abc", fin=False, reserved=5, size=1 << 40, masked=False)
    assert raw == b"\x59\x7f" + (1 << 40).to_bytes(8, "big") + b"abc"


def test_a_refusal_has_its_body_though_the_connection_stays() -> None:
    port = serving(b"HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\n{}")
    head = knock(port, LIMIT, b"GET / HTTP/1.1\r\n\r\n")
    assert (head.status, head.body) == (401, "{}")


def test_a_connection_that_just_ends_has_status_0() -> None:
    assert knock(serving(b""), LIMIT, b"x").status == 0


def test_frames_and_the_end_are_read() -> None:
    envelopes = server_frame(TEXT, json.dumps({"type": "ack"}).encode())
    close = server_frame(CLOSE, b"\x03\xf0late")
    port = serving(b"HTTP/1.1 101 Yes\r\n\r\n" + server_frame(TEXT, b"{}") + envelopes + close)
    with opened(port, LIMIT, b"x") as wire:
        assert answer(wire) == {"type": "ack"}
        assert wire.ended() == 1008
        assert wire.ended() == 1006


def test_a_handshake_that_is_refused_opens_nothing() -> None:
    port = serving(b"HTTP/1.1 400 No\r\n\r\n")
    with pytest.raises(NoAnswerError, match="400"), opened(port, LIMIT, b"x"):
        pass


def test_a_port_where_nobody_is_gives_no_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = int(taken.getsockname()[1])
    with pytest.raises(NoAnswerError, match="connected"):
        knock(port, LIMIT, b"x")


@pytest.mark.parametrize(
    ("payload", "check"),
    [
        (b"", lambda code: code == 1005),
        (b"\x03\xe8", lambda code: code == 1000),
    ],
)
def test_close_codes(payload: bytes, check: Callable[[int | None], bool]) -> None:
    assert check(Frame(CLOSE, payload).close_code)
    assert Frame(TEXT, payload).close_code is None
