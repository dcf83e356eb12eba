"""A direct message to oneself on a full outbox closed the connection amid its own turn; the error
that followed ended everybody's turn, and who came later in it was never heard again.
"""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs
from unit.arqonbus.gateway.wired import Wired, publish

from arqonbus.protocol.close import CloseCode


def test_a_message_to_oneself_on_a_full_outbox(monkeypatch: pytest.MonkeyPatch) -> None:
    wired = Wired()
    first, connection = wired.session("c_1")
    second, heard = wired.session("c_2")

    def full(_frames: bytes) -> bool:
        first.discard()
        return False

    monkeypatch.setattr(connection, "send", full)
    first.receive(publish(1, to="c_1"))
    second.receive(publish(2, id="m2"))
    wired.turn()
    second.receive(publish(3, id="m3"))
    wired.turn()
    assert [ack["request_id"] for ack in heard.of("ack")] == ["m2", "m3"]


def test_a_peer_that_fails_in_any_other_way(monkeypatch: pytest.MonkeyPatch) -> None:
    wired = Wired()
    first, _ = wired.session("c_1")
    second, heard = wired.session("c_2")
    closed: list[CloseCode] = []

    def broken() -> None:
        raise IndexError("nobody thought of this")

    monkeypatch.setattr(first, "work", broken)
    monkeypatch.setattr(first, "close", closed.append)
    first.receive(publish(1))
    second.receive(publish(2, id="m2"))
    with capture_logs() as logs:
        wired.turn()
    assert [ack["request_id"] for ack in heard.of("ack")] == ["m2"]
    assert closed == [CloseCode.INTERNAL_ERROR]
    assert [(line["event"], line["client_id"]) for line in logs] == [("a peer failed", "c_1")]
