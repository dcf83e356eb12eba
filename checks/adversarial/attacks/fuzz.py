"""Frames that were right once, changed at random: the same for the same seed."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import msgspec

from checks.adversarial.answers import Verdict
from checks.adversarial.rules import INTERNAL
from checks.adversarial.wire import BINARY, JSON, MSGPACK, TEXT, answer
from checks.fault import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from checks.adversarial.target import Target
    from checks.adversarial.wire import Wire

_BATCH = 50
_ROOM = {"room": "fuzz", "channel": "c"}
_SEEDS: tuple[dict[str, object], ...] = (
    {"type": "message", "id": "m1", "payload": {"text": "hello", "n": [1, 2.5, None]}, **_ROOM},
    {"type": "message", "to": "c_000000000000", "payload": 1, "metadata": {"trace": "x"}},
    {"type": "message", "payload": 1, "deliver_at": "2099-01-01T00:00:00Z", **_ROOM},
    {"type": "response", "to": "c_000000000000", "request_id": "r1", "payload": {"ok": True}},
    {"type": "command", "id": "c1", "command": "join_channel", "args": _ROOM},
    {"type": "command", "command": "history", "args": {**_ROOM, "after": 0, "limit": 5}},
    {"type": "command", "command": "list_channels", "args": {"limit": 5}},
    {"type": "command", "command": "group.join", "args": {**_ROOM, "group": "g", "credits": 1}},
    {
        "type": "command",
        "command": "group.ack",
        "args": {**_ROOM, "group": "g", "seqs": [1, [2, 9]], "epoch": "x"},
    },
    {"type": "command", "command": "delayed.cancel", "args": {**_ROOM, "id": "m1"}},
    {"type": "command", "command": "status"},
)
_TEXTS = (b"null", b"-1", b"1e308", b"18446744073709551616", b"\\ud800", b"[[[[", b"{}", b'"', b",")
_BYTES = (
    b"\xc1",
    b"\xdf\xff\xff\xff\xff",
    b"\xcf" + b"\xff" * 8,
    b"\xc0",
    b"\x91",
    b"\xff",
    b"\x00",
)


def fuzz(target: Target) -> Iterator[Verdict]:
    """No frame is answered with INTERNAL, and after each batch the bus answers a ping."""
    chance = random.Random(target.demands.seed)  # noqa: S311 - to be drawn again, not to be secret
    half = target.demands.fuzz_frames // 2
    codecs: tuple[tuple[str, int, Callable[[object], bytes], tuple[bytes, ...]], ...] = (
        (JSON, TEXT, msgspec.json.encode, _TEXTS),
        (MSGPACK, BINARY, msgspec.msgpack.encode, _BYTES),
    )
    for protocol, kind, encode, words in codecs:
        seeds = [encode(seed) for seed in _SEEDS]
        ping = encode({"type": "command", "id": "ping", "command": "ping"})
        sent = 0
        while sent < half:
            count = min(_BATCH, half - sent)
            batch = [_mutated(chance, seeds, words) for _ in range(count)]
            name = f"frames {sent} to {sent + count} of {protocol}, seed {target.demands.seed}"
            yield Verdict(name, tuple(_thrown(target, name, (protocol, kind, ping), batch)), count)
            sent += count


def _thrown(
    target: Target, name: str, how: tuple[str, int, bytes], batch: list[bytes]
) -> Iterator[Fault]:
    """Send all, over as many connections as it takes: some frames rightly end theirs."""
    (protocol, kind, ping), left = how, list(batch)
    while left:
        with target.opened(protocol=protocol) as wire:
            tried = _until_closed(wire, kind, left)
            if tried == len(left):
                wire.frame(kind, ping)
            fault = _read(wire)
        if fault is not None:
            yield Fault(INTERNAL, f"{name}: one of {tried} frames was answered with {fault}")
        left = left[tried:]


def _until_closed(wire: Wire, kind: int, frames: list[bytes]) -> int:
    """Send frames up to and with the first that is no text where text is due."""
    for number, data in enumerate(frames, 1):
        wire.frame(kind, data)
        if kind == TEXT and not _is_text(data):
            return number
    return len(frames)


def _read(wire: Wire) -> str | None:
    """Read to the answer to the ping or to the end; what is a defect in it."""
    found: str | None = None
    while True:
        got = answer(wire)
        code = str(got.get("error_code"))
        if code in {"INTERNAL", "close 1011"}:
            found = code
        if got.get("request_id") == "ping" or code.startswith("close "):
            return found


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _mutated(chance: random.Random, seeds: list[bytes], words: tuple[bytes, ...]) -> bytes:
    data = chance.choice(seeds)
    for _ in range(chance.randint(1, 4)):
        data = _changed(chance, data, chance.choice(seeds), chance.choice(words))
    return data


def _changed(chance: random.Random, data: bytes, other: bytes, word: bytes) -> bytes:
    start, end = sorted((chance.randint(0, len(data)), chance.randint(0, len(data))))
    before, within, after = data[:start], data[start:end], data[end:]
    changes: tuple[Callable[[], bytes], ...] = (
        lambda: before + bytes([chance.randrange(128)]) + data[start + 1 :],
        lambda: before + bytes([chance.randrange(256)]) + data[start + 1 :],
        lambda: before + word + data[start:],
        lambda: before + word + after,
        lambda: before + data[start + 1 :],
        lambda: before + within * chance.randint(2, 5) + after,
        lambda: before + other[chance.randint(0, len(other)) :],
        lambda: before + after,
    )
    return chance.choice(changes)()
