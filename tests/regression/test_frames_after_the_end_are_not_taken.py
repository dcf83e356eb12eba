"""While a command delayed a connection's end, what the peer sent after the end was still taken."""

from __future__ import annotations

import pytest
from picows import WSMsgType
from unit.arqonbus.gateway.wired import command, publish
from unit.arqonbus.transport.sockets import Heard


@pytest.mark.parametrize("kind", [WSMsgType.BINARY, WSMsgType.CLOSE])
async def test_a_publish_after_the_end(kind: WSMsgType) -> None:
    heard = Heard()
    heard.connect()
    heard.text(command("hold", "h"))
    heard.hear(kind, b"\x03\xe8")
    await heard.stage.began.wait()
    heard.text(publish("late", id="m1"))
    heard.stage.release.set()
    await heard.wired.until_quiet()
    assert [frame["request_id"] for frame in heard.frames] == ["h"]
    assert list(heard.wired.hub) == []
