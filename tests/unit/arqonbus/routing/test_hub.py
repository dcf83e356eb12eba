"""Channels come into being once, within bounds, and keep their subscribers apart by codec."""

from __future__ import annotations

import json

import pytest

from arqonbus.errors import ArqonBusError, ErrorCode
from arqonbus.model.address import Address
from arqonbus.model.durability import Durability
from arqonbus.model.stream import StreamInfo
from arqonbus.protocol import wire
from arqonbus.routing.hub import Channel, Hub

HERE = Address("room", "channel")


class Listener:
    """A subscriber of one codec."""

    def __init__(self, *, binary: bool) -> None:
        self.binary = binary

    def deliver(self, channel: Channel, chunk: bytes, first_seq: int, last_seq: int) -> None:
        raise AssertionError(f"the hub delivers nothing: {channel, chunk, first_seq, last_seq}")

    def send(self, frames: bytes) -> bool:
        raise AssertionError(f"the hub sends nothing: {frames!r}")


def hub(*, max_channels: int = 10, auto_create: bool = True) -> Hub:
    return Hub(Durability.DISK, max_channels=max_channels, auto_create=auto_create)


def test_a_channel_is_obtained_once_and_found_by_its_names() -> None:
    made = hub()
    assert made.find(HERE) is None
    channel = made.obtain(HERE)
    assert channel.address == HERE
    assert made.obtain(HERE) is channel
    assert made.existing(HERE) is channel
    assert made.find(("room", "channel")) is channel
    assert (len(made), list(made)) == (1, [channel])


def test_a_new_channel_is_empty_and_not_stored() -> None:
    channel = hub().obtain(HERE)
    assert (channel.first_seq, channel.last_seq, channel.size) == (1, 0, 0)
    assert (channel.last_timestamp, channel.stored, channel.deleting) == (0, False, False)
    assert (channel.bodies, channel.receipts, channel.subscribers) == ([], [], 0)
    assert (channel.measured, channel.waiting_bytes, channel.ids.find("x")) == (0, 0, None)


def test_epochs_of_channels_differ_even_under_one_name() -> None:
    made = hub()
    first = made.obtain(HERE)
    made.forget(first)
    assert made.obtain(HERE).epoch != first.epoch
    assert made.obtain(Address("room", "other")).epoch != made.obtain(HERE).epoch


def test_the_heads_say_which_stream_it_is_at_the_hubs_level() -> None:
    channel = hub().obtain(HERE)
    delivery = json.loads(channel.head + b"0}")
    receipt = json.loads(channel.ack_head + b"0}")
    expected = {"room": "room", "channel": "channel", "epoch": channel.epoch, "durability": "disk"}
    assert expected.items() <= delivery.items()
    assert expected.items() <= receipt.items()
    assert (delivery["type"], receipt["type"]) == ("message", "ack")
    assert channel.head == wire.channel_head("room", "channel", channel.epoch, "disk")


def test_an_unknown_channel_is_not_found_where_none_are_made() -> None:
    made = hub(auto_create=False)
    for ask in (made.obtain, made.existing, hub().existing):
        with pytest.raises(ArqonBusError, match="room:channel does not exist") as refused:
            ask(HERE)
        assert refused.value.code is ErrorCode.NOT_FOUND
    channel = made.make(HERE)
    assert made.obtain(HERE) is channel


def test_a_channel_is_not_made_twice_nor_beyond_the_most() -> None:
    made = hub(max_channels=2)
    made.make(HERE)
    made.obtain(Address("room", "other"))
    with pytest.raises(ArqonBusError, match="exists already") as twice:
        made.make(HERE)
    with pytest.raises(ArqonBusError, match=r"limits\.max_channels") as beyond:
        made.obtain(Address("room", "third"))
    assert twice.value.code is ErrorCode.CONFLICT
    assert beyond.value.code is ErrorCode.RATE_LIMITED
    assert len(made) == 2
    made.forget(made.existing(Address("room", "other")))
    assert made.obtain(Address("room", "third")).address == ("room", "third")


def test_a_channel_that_is_being_deleted_can_be_had_later() -> None:
    made = hub()
    channel = made.obtain(HERE)
    channel.deleting = True
    for ask in (made.obtain, made.existing):
        with pytest.raises(ArqonBusError, match="being deleted") as refused:
            ask(HERE)
        assert (refused.value.code, refused.value.retryable) == (ErrorCode.CONFLICT, True)
    made.forget(channel)
    assert made.obtain(HERE) is not channel


def test_only_the_channel_itself_is_forgotten() -> None:
    made = hub()
    first = made.obtain(HERE)
    made.forget(first)
    second = made.obtain(HERE)
    made.forget(first)
    assert made.find(HERE) is second


def test_channels_may_be_forgotten_while_they_are_gone_through() -> None:
    made = hub()
    for name in "abc":
        made.obtain(Address("room", name))
    for channel in made:
        made.forget(channel)
    assert len(made) == 0


def test_stored_streams_are_known_beyond_the_most_that_may_be_made() -> None:
    made = hub(max_channels=1)
    infos = [StreamInfo(Address("room", name), f"e-{name}", 3, 9, 70, 55) for name in "ab"]
    made.load(infos)
    assert len(made) == 2
    channel = made.existing(Address("room", "b"))
    assert (channel.epoch, channel.stored) == ("e-b", True)
    assert (channel.first_seq, channel.last_seq) == (3, 9)
    assert (channel.size, channel.last_timestamp) == (70, 55)


def test_subscribers_are_kept_by_codec_once_each() -> None:
    channel = hub().obtain(HERE)
    text, binary = Listener(binary=False), Listener(binary=True)
    for listener in (text, binary, text, binary):
        channel.add(listener)
    assert channel.subscribers == 2
    assert (list(channel.text), list(channel.binary)) == ([text], [binary])
    channel.remove(Listener(binary=False))
    channel.remove(text)
    channel.remove(text)
    assert channel.subscribers == 1
    assert (list(channel.text), list(channel.binary)) == ([], [binary])
