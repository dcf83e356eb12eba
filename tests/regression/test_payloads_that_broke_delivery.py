"""Frames that passed the check, and then broke delivery or whoever got them."""

from __future__ import annotations

import msgspec
import pytest
from unit.arqonbus.bus.fakes import JSON, Stage
from unit.arqonbus.gateway.wired import Wired

from arqonbus.errors import ErrorCode
from arqonbus.protocol.inbound import ClientFrame
from arqonbus.protocol.values import MAX_DEPTH


def nested(depth: int) -> ClientFrame:
    payload = "[" * depth + "1" + "]" * depth
    frame: ClientFrame = JSON.decode(
        f'{{"type":"message","room":"r","channel":"c","payload":{payload}}}'
    )
    return frame


@pytest.mark.parametrize("depth", range(MAX_DEPTH + 1, 900, 7))
def test_what_is_nested_too_deeply_is_refused_before_its_commit(depth: int) -> None:
    stage = Stage()
    peer, subscriber = stage.peer(), stage.subscriber("c", binary=True)
    stage.bus.wake(peer)
    peer.inbox.append(nested(depth))
    stage.settle()
    assert [error.code for error in peer.refused] == [ErrorCode.VALIDATION_ERROR]
    assert subscriber.positions == []


def test_what_is_nested_just_so_is_delivered() -> None:
    stage = Stage()
    peer, subscriber = stage.peer(), stage.subscriber("c", binary=True)
    stage.bus.wake(peer)
    peer.inbox.append(nested(MAX_DEPTH))
    stage.settle()
    assert subscriber.positions == [(1, 1)]


@pytest.mark.parametrize("kind", ["message", "response"])
def test_a_request_id_with_a_final_newline(kind: str) -> None:
    wired = Wired()
    sender, answers = wired.session("c_1")
    _, victim = wired.session("c_2")
    frame = {"type": kind, "to": "c_2", "request_id": "q\n", "payload": 1}
    sender.receive(msgspec.json.encode(frame).decode())
    wired.turn()
    assert victim.writes == []
    assert [error["error_code"] for error in answers.of("error")] == ["VALIDATION_ERROR"]


def test_a_refused_publish_makes_no_channel() -> None:
    stage = Stage()
    peer = stage.peer()
    stage.send(peer, room="new1", require="replicated")
    stage.send(peer, room="new2", id="bad id")
    stage.send(peer, 2**64, room="new3")
    stage.turn()
    assert len(peer.refused) == 3
    assert list(stage.hub) == []
