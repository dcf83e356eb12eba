"""One encoding for each codec, to everybody who has joined."""

from __future__ import annotations

import json

import msgspec
import pytest
from unit.arqonbus.bus.fakes import FakeSubscriber, Frame
from unit.arqonbus.protocol.reading import CODECS, body_of, unframed

from arqonbus.bus.fanout import binary_frames, chunk_for, fan_out
from arqonbus.model.address import Address
from arqonbus.model.durability import Durability
from arqonbus.routing.hub import Channel

PAYLOADS = ["one", {"two": [2, 2.5, None]}, "x" * 200]
BODIES = [body_of(CODECS[0], payload) for payload in PAYLOADS]


def channel() -> Channel:
    return Channel(Address("r", "c"), "e1", Durability.REMOTE)


def read(chunk: bytes, *, binary: bool) -> list[Frame]:
    frames = unframed(chunk)
    assert {opcode for opcode, _ in frames} == {2 if binary else 1}
    return [msgspec.msgpack.decode(data) if binary else json.loads(data) for _, data in frames]


@pytest.mark.parametrize("binary", [False, True])
def test_a_chunk_holds_the_messages_at_their_positions(binary: bool) -> None:
    frames = read(chunk_for(channel(), BODIES, 9, binary=binary), binary=binary)
    assert [frame["seq"] for frame in frames] == [9, 10, 11]
    assert [frame["payload"] for frame in frames] == PAYLOADS
    for frame in frames:
        assert (frame["room"], frame["channel"], frame["epoch"]) == ("r", "c", "e1")
        assert (frame["durability"], frame["type"], frame["sender"]) == ("remote", "message", "c_1")


def test_both_codecs_say_the_same() -> None:
    text = read(chunk_for(channel(), BODIES, 1, binary=False), binary=False)
    assert read(binary_frames(channel(), BODIES, 1), binary=True) == text


def test_everybody_gets_the_chunk_of_their_codec_which_is_made_once() -> None:
    into = channel()
    text, binary = ([FakeSubscriber(binary=kind) for _ in "12"] for kind in (False, True))
    for subscriber in (*text, *binary):
        into.add(subscriber)
    assert fan_out(into, BODIES, 9) == 4 * 3
    for group, kind in ((text, False), (binary, True)):
        assert [one.positions for one in group] == [[(9, 11)], [(9, 11)]]
        assert [one.chunks for one in group] == [[chunk_for(into, BODIES, 9, binary=kind)]] * 2
        assert group[0].chunks[0] is group[1].chunks[0]


@pytest.mark.parametrize("binary", [False, True])
def test_one_kind_of_subscriber_is_enough(binary: bool) -> None:
    into, alone = channel(), FakeSubscriber(binary=binary)
    into.add(alone)
    assert fan_out(into, BODIES[:1], 4) == 1
    assert alone.positions == [(4, 4)]


def test_nobody_gets_nothing() -> None:
    assert fan_out(channel(), BODIES, 1) == 0


class Leaver(FakeSubscriber):
    """Leaves, as a peer whose outbox is full does, while it is served."""

    def deliver(self, channel: Channel, chunk: bytes, first_seq: int, last_seq: int) -> None:
        super().deliver(channel, chunk, first_seq, last_seq)
        channel.remove(self)


@pytest.mark.parametrize("binary", [False, True])
def test_who_leaves_during_a_delivery_keeps_it_from_nobody(binary: bool) -> None:
    into = channel()
    leaver, other = Leaver(binary=binary), FakeSubscriber(binary=binary)
    into.add(leaver)
    into.add(other)
    fan_out(into, BODIES[:1], 1)
    fan_out(into, BODIES[1:], 2)
    assert leaver.positions == [(1, 1)]
    assert other.positions == [(1, 1), (2, 3)]
