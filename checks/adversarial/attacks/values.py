"""Envelopes that are no envelopes, or hold what no value may be, in both codecs."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING

import msgspec

from checks.adversarial.answers import Verdict, refused
from checks.adversarial.wire import BINARY, MSGPACK, TEXT, answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.adversarial.target import Target
    from checks.peer import Frame

_WRONG = ("VALIDATION_ERROR", "UNKNOWN_TYPE", "UNKNOWN_COMMAND", "UNSUPPORTED_VERSION")
_DEEP = 100_000
_TYPES: tuple[object, ...] = ("welcome", "ack", "notice", "MESSAGE", "message\x00", 7, None, [])
# Names that are no names, or could be taken for one that is.
NAMES: tuple[str, ...] = (
    "",
    " ",
    "lobby ",
    " lobby",
    "lobby\n",
    "lobby\x00",
    "lobby\u200b",
    "lobby\u2028",
    "lob\u00adby",
    "l\u043ebby",
    "\uff4cobby",
    "lobby\u0301",
    "e\u0301",
    "\u202eybbol",
    "probes/lobby",
    "../acme/lobby",
    "acme/lobby",
    "acme\\lobby",
    "acme:lobby",
    "acme%2flobby",
    ".lobby",
    "-lobby",
    "..",
    "*",
    "lobby*",
    "$sys",
    "{lobby}",
    "x" * 129,
    "x" * 60_000,
)


def json_values(target: Target) -> Iterator[Verdict]:
    """Each text is refused, with the id of the frame where it can be read."""
    for name, text in _json_texts():
        with target.opened() as wire:
            wire.frame(TEXT, text.encode("utf-8", "surrogatepass"))
            yield refused(name, answer(wire), *_WRONG)
    for name, text in _ambiguous():
        with target.opened() as wire:
            wire.frame(TEXT, text.encode())
            yield _one_meaning(name, answer(wire))


def msgpack_values(target: Target) -> Iterator[Verdict]:
    """Each object is refused; lengths that promise gigabytes are not believed."""
    for name, data in _msgpack_objects():
        with target.opened(protocol=MSGPACK) as wire:
            wire.frame(BINARY, data)
            yield refused(name, answer(wire), *_WRONG)


def _json_texts() -> Iterator[tuple[str, str]]:
    for text in (
        "",
        " ",
        "null",
        "1",
        '""',
        "[]",
        "{",
        "}",
        "{}",
        "\ufeff{}",
        "nonsense",
        "{'a':1}",
    ):
        yield f"text {text!r}", text
    yield from _fields()
    yield from _payloads()
    for name in NAMES:
        yield f"room {name[:20]!r}", _message(room=name)
        yield f"channel {name[:20]!r}", _message(channel=name)
    for name in ('a"b', "a b", "x" * 65, "\u0430", "a\n", "a/b"):
        yield f"id {name[:20]!r}", _message(id=name)
    yield "trailing text", _message() + "x"
    yield "two texts", _message() + _message()
    yield "a comment", "/* */" + _message()


def _fields() -> Iterator[tuple[str, str]]:
    for kind in _TYPES:
        yield f"type {kind!r}", _message(type=kind)
    for field, value in (
        ("sender", "c_000000000000"),
        ("seq", 1),
        ("epoch", "x"),
        ("durability", "disk"),
        ("tenant", "acme"),
        ("version", "2.0"),
        ("qos", 2),
        ("qos", True),
        ("require", "eternal"),
        ("timestamp", "yesterday"),
        ("deliver_at", "9999999999"),
        ("metadata", []),
        ("metadata", "x"),
        ("room", 7),
        ("room", ["lobby"]),
        ("channel", None),
        ("id", {"a": 1}),
        ("__proto__", {"admin": True}),
        ("to", "c_000000000000"),
    ):
        yield f"{field} {value!r}", _message(**{field: value})
    for name, command in (
        ("an unknown command", {"command": "shutdown"}),
        ("a command by a path", {"command": "../ping"}),
        ("a command that is a list", {"command": ["ping"]}),
        ("args that are a list", {"command": "ping", "args": []}),
        ("args that are unknown", {"command": "ping", "args": {"a": 1}}),
        ("no command", {}),
    ):
        yield name, json.dumps({"type": "command", **command})


def _payloads() -> Iterator[tuple[str, str]]:
    for name, value in (
        ("NaN", "NaN"),
        ("Infinity", "Infinity"),
        ("-Infinity", "-Infinity"),
        ("nan in letters", "nan"),
        ("1e999", "1e999"),
        ("-1e999", "-1e999"),
        ("2 to the 64th", str(2**64)),
        ("less than 64 bits", str(-(2**63) - 1)),
        ("an integer of 4300 digits", "9" * 4300),
        ("an integer of 500000 digits", "9" * 500_000),
        ("an exponent of 500000 digits", "1e" + "9" * 500_000),
        ("a leading zero", "01"),
        ("a bare point", "1."),
        ("hexadecimal", "0x10"),
        ("a lone high surrogate", '"\\ud800"'),
        ("a lone low surrogate", '"\\udc00"'),
        ("surrogates in the wrong order", '"\\udc00\\ud800"'),
        ("a lone surrogate as a key", '{"\\ud800":1}'),
        ("a control character", '"\x01"'),
        ("an unknown escape", '"\\x41"'),
        ("a string without end", '"abc'),
        ("an array without end", "[1,"),
        ("a key without quotes", "{a:1}"),
        ("deep arrays", "[" * _DEEP + "]" * _DEEP),
        ("deep objects", '{"a":' * _DEEP + "1" + "}" * _DEEP),
        ("deep and never closed", "[" * _DEEP),
        ("one deeper than allowed", "[" * 130 + "]" * 130),
        ("nothing", ""),
    ):
        yield (
            f"payload: {name}",
            f'{{"type":"message","room":"lobby","channel":"c","payload":{value}}}',
        )
    for name, value in (("deep", "[" * _DEEP + "]" * _DEEP), ("NaN", '{"a":NaN}')):
        yield (
            f"metadata: {name}",
            f'{{"type":"message","room":"r","channel":"c","payload":1,"metadata":{value}}}',
        )
        yield f"args: {name}", f'{{"type":"command","command":"ping","args":{value}}}'
        yield f"an unknown field: {name}", f'{{"type":"message","nothing":{value}}}'


def _ambiguous() -> Iterator[tuple[str, str]]:
    """Names that are there twice: refused, or taken in one sense by everybody."""
    yield "type twice", '{"type":"command","type":"message","command":"ping","id":"t"}'
    yield "room twice", _message()[:-1] + ',"room":"other"}'
    yield "payload twice", _message()[:-1] + ',"payload":"other"}'
    yield "an escaped name twice", _message()[:-1] + ',"ro\\u006fm":"other"}'
    yield "id twice", _message()[:-1] + ',"id":"a","id":"b"}'


def _one_meaning(name: str, answer: Frame) -> Verdict:
    if answer.get("type") == "ack" or answer.get("error_code") in _WRONG:
        return Verdict(name)
    return refused(name, answer, *_WRONG)


def _msgpack_objects() -> Iterator[tuple[str, bytes]]:
    for data in (b"", b"\xc0", b"\xc1", b"\x80", b"\x90", b"\xa0", b"\xc4\x00", b"\xff", b"\x01"):
        yield f"object {data!r}", data
    for name, data in (
        ("an array of 4 GiB", b"\xdd\xff\xff\xff\xff"),
        ("a map of 4 GiB", b"\xdf\xff\xff\xff\xff"),
        ("a string of 4 GiB", b"\xdb\xff\xff\xff\xff"),
        ("a bin of 4 GiB", b"\xc6\xff\xff\xff\xff"),
        ("an ext of 4 GiB", b"\xc9\xff\xff\xff\xff\x01"),
        ("a map of 65535 without content", b"\xde\xff\xff"),
        ("arrays of 4 GiB in each other", b"\xdd\xff\xff\xff\xff" * 1000),
        ("maps of 65535 in each other", b"\xde\xff\xff\xa1a" * 1000),
        ("deep arrays", b"\x91" * _DEEP + b"\xc0"),
        ("deep maps", b"\x81\xa1a" * _DEEP + b"\xc0"),
        ("bin", b"\xc4\x03raw"),
        ("ext", b"\xd6\x05abcd"),
        ("a timestamp", b"\xd6\xff\x00\x00\x00\x01"),
        ("NaN", b"\xcb\x7f\xf8" + b"\x00" * 6),
        ("Infinity", b"\xcb" + struct.pack("!d", float("inf"))),
        ("a small infinity", b"\xca" + struct.pack("!f", float("-inf"))),
        ("a number as a key", b"\x81\x01\x02"),
        ("an array as a key", b"\x81\x91\x01\x02"),
        ("nil as a key", b"\x81\xc0\x02"),
        ("text that is not UTF-8", b"\xa2\xff\xfe"),
        ("a surrogate in UTF-8", b"\xa3\xed\xa0\x80"),
        ("a cut string", b"\xa5abc"),
        ("the byte that is never used", b"\xc1"),
    ):
        yield f"{name}, alone", data
        yield f"payload: {name}", _packed_message(data)
    yield "trailing bytes", _packed_message(b"\x01") + b"\x01"
    for name in NAMES:
        yield f"room {name[:20]!r}", _packed_message(b"\x01", room=name)


def _message(**changes: object) -> str:
    whole = {"type": "message", "room": "lobby", "channel": "c", "payload": 1, **changes}
    return json.dumps(whole)


def _packed_message(payload: bytes, room: str = "lobby") -> bytes:
    head = msgspec.msgpack.encode({"type": "message", "room": room, "channel": "c"})
    return bytes([head[0] + 1]) + head[1:] + b"\xa7payload" + payload
