"""Values that parsers disagree about: what is taken is delivered to both codecs as it was sent, and
what is refused is refused in both.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from support.hostile import Attacked
from support.whole_bus import Client, living
from unit.arqonbus.gateway.fakes import parsed, unframed

from arqonbus.app.build import App
from arqonbus.protocol.json_codec import JsonCodec
from arqonbus.protocol.msgpack_codec import MsgpackCodec

HEAD = '{"type":"message","room":"r","channel":"c","payload":'
PACKED = msgspec.msgpack.encode(
    {"type": "message", "room": "r", "channel": "c", "payload": None}
).removesuffix(b"\xc0")
REFUSED = [
    "NaN",
    "[-Infinity]",
    "1e999",
    "[-1e400]",
    "18446744073709551616",
    '{"n":-9223372036854775809}',
    "1" + "0" * 5000,
    "01",
    "+1",
    ".5",
    '"\\ud800"',
    '"\\udc00\\ud800"',
    '{"\\ud800":1}',
    '"a\tb"',
    '"a\0b"',
    '"\\x41"',
    "'a'",
    "\ufeff1",
    "1\0",
    "1,",
    "undefined",
    "/**/1",
    '{"a":1,"a":2}',
    '{"a":1,"\\u0061":2}',
    '[{"b": {"a": ":", "a": 1}}]',
    "[" * 130 + "]" * 130,
    "[" * 100_000,
    '{"a":' * 200 + "1" + "}" * 200,
]
TAKEN = [
    "18446744073709551615",
    "-9223372036854775808",
    "1e308",
    "5e-324",
    "1e-999",
    "-0.0",
    '"\\u0000"',
    '"\\ud83d\\ude00"',
    '"\ufeff\u202e\u200b"',
    '{"":1,"\\u0000":2,"a":{"a":{"a":3}}}',
    '{"\u00e9":1,"e\u0301":2}',
    '{"__proto__":{"x":1},"constructor":1}',
    "[" * 128 + "]" * 128,
]
PACKED_REFUSED = {
    "bin": b"\xc4\x01a",
    "bin of gigabytes": b"\xc6\xff\xff\xff\xff",
    "text of gigabytes": b"\xdb\xff\xff\xff\xff",
    "list of gigabytes": b"\xdd\xff\xff\xff\xff\xc0",
    "map of gigabytes": b"\xdf\xff\xff\xff\xff\xa1a\xc0",
    "ext": b"\xd4\x05x",
    "ext of gigabytes": b"\xc9\xff\xff\xff\xff\x05",
    "timestamp": b"\xd6\xff\x00\x00\x00\x00",
    "timestamp of 96 bits": b"\xc7\x0c\xff" + b"\xff" * 12,
    "never used": b"\xc1",
    "nan": b"\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00",
    "short nan": b"\xca\x7f\xc0\x00\x00",
    "infinity": b"\xcb\xff\xf0\x00\x00\x00\x00\x00\x00",
    "surrogate": b"\xa3\xed\xa0\x80",
    "no utf-8": b"\xa1\xff",
    "overlong utf-8": b"\xa2\xc0\xaf",
    "number as key": b"\x81\x01\x02",
    "null as key": b"\x81\xc0\x02",
    "bin as key": b"\x81\xc4\x01a\x02",
    "list as key": b"\x81\x90\x02",
    "deep": b"\x91" * 130 + b"\xc0",
    "very deep": b"\x91" * 100_000,
    "two values": b"\x01\x01",
}
NAMES = [
    "r\0",
    "r ",
    "R/",
    "a/r",
    "r:c",
    "..",
    ".r",
    "-r",
    "",
    "\u0440",
    "r\u200b",
    "\uff52",
    "r\n",
]


@pytest.mark.parametrize("value", REFUSED, ids=lambda value: ascii(value[:30]))
async def test_json_that_is_refused(value: str) -> None:
    async with Attacked() as bus:
        (error,) = await bus.take((HEAD + value + "}").encode(), binary=False)
    assert error["error_code"] == "VALIDATION_ERROR"


@pytest.mark.parametrize("value", PACKED_REFUSED.values(), ids=PACKED_REFUSED)
async def test_messagepack_that_is_refused(value: bytes) -> None:
    async with Attacked() as bus:
        (error,) = await bus.take(PACKED + value, binary=True)
    assert error["error_code"] == "VALIDATION_ERROR"


@pytest.mark.parametrize("value", TAKEN, ids=lambda value: ascii(value[:30]))
@pytest.mark.parametrize("binary", [False, True], ids=["json", "msgpack"])
async def test_what_is_taken_is_the_same_for_every_reader(value: str, *, binary: bool) -> None:
    decoded = msgspec.json.decode(value)
    data = PACKED + msgspec.msgpack.encode(decoded) if binary else (HEAD + value + "}").encode()
    async with living({"storage": {"backend": "memory"}}) as app:
        readers = [await _joined(app, binary=False), await _joined(app, binary=True)]
        sender = Client(app, codec=MsgpackCodec() if binary else JsonCodec())
        sender.session.receive(data if binary else data.decode())
        answer = await readers[0].call("channel_info", room="r", channel="c")
        assert answer["messages"] == 1
        history = await readers[0].call("history", room="r", channel="c", epoch=answer["epoch"])
        delivered = [_payload(reader) for reader in readers]
    kept = history["messages"][0]["payload"]
    for one in (*delivered, kept):
        assert msgspec.json.encode(one) == msgspec.json.encode(decoded)


async def _joined(app: App, *, binary: bool) -> Client:
    client = Client(app, codec=MsgpackCodec() if binary else JsonCodec())
    call = {"type": "command", "command": "join_channel", "args": {"room": "r", "channel": "c"}}
    encode = msgspec.msgpack.encode if binary else msgspec.json.encode
    data = encode(call)
    client.session.receive(data if binary else data.decode())
    while not client.of("response"):
        client.connection.more.clear()
        await client.connection.more.wait()
    return client


def _payload(reader: Client) -> Any:
    (data,) = [
        payload
        for written in reader.connection.writes
        for opcode, payload in unframed(written)
        if parsed(opcode, payload)["type"] == "message"
    ]
    decode = msgspec.msgpack.decode if reader.connection.binary else msgspec.json.decode
    return decode(data)["payload"]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
@pytest.mark.parametrize("binary", [False, True], ids=["json", "msgpack"])
async def test_names_that_look_like_others_are_no_names(name: str, *, binary: bool) -> None:
    encode = msgspec.msgpack.encode if binary else msgspec.json.encode
    where = {"room": "r", "channel": "c", "group": "g"}
    async with Attacked() as bus:
        for field in ("room", "channel", "group"):
            args = {**where, field: name}
            call = {"type": "command", "command": "group.join", "args": args}
            (error,) = await bus.take(encode(call), binary=binary)
            assert error["error_code"] == "VALIDATION_ERROR", error


@pytest.mark.parametrize("binary", [False, True], ids=["json", "msgpack"])
async def test_a_field_that_is_given_twice_counts_once_for_everybody(*, binary: bool) -> None:
    """The last one: what is delivered, stored and answered is of one reading of the frame."""
    twice = (
        b"\x85\xa4type\xa7message\xa4room\xa1x\xa4room\xa1r\xa7channel\xa1c\xa7payload\x01"
        if binary
        else b'{"type":"message","room":"x","room":"r","channel":"c","payload":1}'
    )
    async with Attacked() as bus:
        (ack,) = await bus.take(twice, binary=binary)
        assert ack["room"] == "r"
        assert len(bus.app.bus.hub) == 2  # r:c of either tenant, and no x:c
