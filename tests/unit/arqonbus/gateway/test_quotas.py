"""What a subject and a tenant may have at a time, through all that takes it and gives it back."""

from __future__ import annotations

import json

import msgspec
import pytest
from unit.arqonbus.gateway.fakes import FakeConnection
from unit.arqonbus.gateway.wired import Wired, command, publish

from arqonbus.errors import ArqonBusError
from arqonbus.gateway.session import Session
from arqonbus.model.principal import Principal
from arqonbus.protocol.json_codec import JsonCodec
from arqonbus.protocol.msgpack_codec import MsgpackCodec

ADA = Principal("ada", "blue")
EVE = Principal("eve", "red")


async def asked(
    wired: Wired, session: Session, connection: FakeConnection, name: str, channel: str
) -> str:
    """The error code of a command's answer, or success."""
    connection.writes.clear()
    session.receive(command(name, "q", room="r", channel=channel))
    await wired.until_quiet()
    return str(
        next(f.get("error_code", "success") for f in connection.frames if f.get("request_id"))
    )


async def test_joined_channels_of_a_subject_over_its_connections() -> None:
    wired = Wired(limits={"joined_per_principal": 2})
    one, first = wired.session("c_1", principal=ADA)
    two, second = wired.session("c_2", principal=ADA)
    assert await asked(wired, one, first, "join_channel", "a") == "success"
    assert await asked(wired, one, first, "join_channel", "a") == "success"
    assert await asked(wired, two, second, "join_channel", "a") == "success"
    assert await asked(wired, two, second, "join_channel", "b") == "RATE_LIMITED"
    assert await asked(wired, one, first, "leave_channel", "a") == "success"
    assert await asked(wired, two, second, "join_channel", "b") == "success"
    two.ended()
    assert await asked(wired, one, first, "join_channel", "c") == "success"
    assert wired.counted("limit_refusals_total", limit="limits.joined_per_principal") == 1


async def test_channels_of_a_tenant() -> None:
    wired = Wired(limits={"channels_per_tenant": 1})
    ada, first = wired.session("c_1", principal=ADA)
    eve, second = wired.session("c_2", principal=EVE)
    assert await asked(wired, ada, first, "create_channel", "a") == "success"
    assert await asked(wired, ada, first, "create_channel", "b") == "RATE_LIMITED"
    ada.receive(publish(1, id="m", channel="b"))
    wired.turn()
    assert first.of("error")[-1]["error_code"] == "RATE_LIMITED"
    assert await asked(wired, eve, second, "create_channel", "b") == "success"
    assert await asked(wired, ada, first, "delete_channel", "a") == "success"
    assert await asked(wired, ada, first, "create_channel", "b") == "success"


@pytest.mark.parametrize("codec", [JsonCodec(3), MsgpackCodec(3)], ids=["json", "msgpack"])
def test_a_payload_s_depth(codec: JsonCodec | MsgpackCodec) -> None:
    def raw(depth: int) -> object:
        value: object = 1
        for _ in range(depth):
            value = [value]
        return value

    encode = msgspec.msgpack.encode if codec.binary else msgspec.json.encode
    assert json.loads(codec.value_json(msgspec.Raw(encode(raw(3))))) == raw(3)
    with pytest.raises(ArqonBusError, match="nested deeper than 3"):
        codec.value_json(msgspec.Raw(encode(raw(4))))
