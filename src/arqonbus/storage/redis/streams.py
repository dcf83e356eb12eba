"""Reading streams, and what replies mean."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from arqonbus.errors import StorageError
from arqonbus.model.address import Address
from arqonbus.model.stream import StreamInfo
from arqonbus.storage.interface import (
    ChannelAppend,
    Page,
    StoredKey,
    StoredMessage,
    StreamLostError,
)
from arqonbus.storage.redis.connect import Reply
from arqonbus.storage.redis.link import Argument, Link
from arqonbus.storage.redis.owner import Keys
from arqonbus.storage.redis.reads import KEYED, LOOK, POSITION, READ
from arqonbus.storage.redis.script import Script
from arqonbus.storage.redis.trouble import ReplyError
from arqonbus.storage.retention import Retention

CHUNK = 200
_MESSAGE = 3
_INFO = 5
_LOST = 1


class Reader:
    """Reads of streams, each whole at one moment; None for one that is in no key of the store."""

    def __init__(self, link: Link, keys: Keys) -> None:
        self._link = link
        self._keys = keys

    async def page(
        self, address: Address, after: int, through: int, limit: int, max_bytes: int
    ) -> Page | None:
        """See `Storage.read`."""
        found = await self._ask(READ, address, (after, through, limit, max_bytes))
        if found is None:
            return None
        if found == _LOST:
            raise lost(address)
        info = info_of(address, found)
        messages = tuple(_messages(address, found[_INFO:], max(after + 1, info.first_seq)))
        last = messages[-1].seq if messages else max(after, info.first_seq - 1)
        end = min(through, info.last_seq)
        if not messages and last < end:
            raise lost(address)
        return Page(messages, info, more=last < end)

    async def position_at(self, address: Address, timestamp: int) -> int | None:
        """See `Storage.position_at`."""
        found = await self._ask(POSITION, address, (timestamp,))
        if found == -_LOST:
            raise lost(address)
        return None if found is None else int(found)

    async def newest_keys(self, address: Address, limit: int) -> list[StoredKey] | None:
        """See `Storage.newest_keys`."""
        found = await self._ask(KEYED, address, (limit,))
        if found == _LOST:
            raise lost(address)
        if found is None:
            return None
        triples = zip(*[iter(found)] * _MESSAGE, strict=True)
        return [StoredKey(seq, key.decode(), body) for seq, key, body in triples][::-1]

    async def look(self, addresses: Sequence[Address]) -> dict[Address, StreamInfo]:
        """Those streams of which what is known of them and what there is agree."""
        sound = {}
        for start in range(0, len(addresses), CHUNK):
            some = addresses[start : start + CHUNK]
            found = (await self._link.run(LOOK, self._keys.of(some), ()))[0]
            for address, one in zip(some, found, strict=True):
                if isinstance(one, list):
                    sound[address] = info_of(address, one)
        return sound

    async def index(self) -> set[Address]:
        """Every channel that there is a sign of, be it only its messages."""
        names = set((await self._link.call(("SMEMBERS", self._keys.index)))[0])
        stream, cursor = self._keys.stream, b"0"
        while True:
            scan = ("SCAN", cursor, "MATCH", f"{stream}*", "COUNT", 1000)
            cursor, keys = (await self._link.call(scan))[0]
            names.update(key[len(stream) :] for key in keys)
            if cursor == b"0":
                break
        return {_address(name.decode("utf-8", "replace")) for name in names}

    async def _ask(self, script: Script, address: Address, args: Sequence[Argument]) -> Reply:
        try:
            return (await self._link.run(script, self._keys.of((address,)), args))[0]
        except ReplyError as error:
            if error.word == "HOLE":
                raise lost(address) from error
            raise


def lost(address: Address) -> StreamLostError:
    """For a stream that is not what the bus knows; `message` may be told to everybody."""
    return StreamLostError("the store lost positions of this stream", detail=address.path)


def info_of(address: Address, reply: Sequence[Reply]) -> StreamInfo:
    """The stream of a script's reply."""
    epoch, first, last, size, timestamp = reply[:_INFO]
    return StreamInfo(address, epoch.decode(), int(first), int(last), int(size), int(timestamp))


def arguments(batch: Sequence[ChannelAppend], retention: Retention) -> list[Argument]:
    """A batch as `APPEND` takes it."""
    args: list[Argument] = [retention.max_messages, retention.max_bytes]
    for item in batch:
        bounded = 0 if retention.spares(item.address) else 1
        args += (item.address.path, item.epoch, item.after, item.timestamp, bounded)
        args += (len(item.bodies), len(item.keys))
        args += item.bodies
        for index, key in item.keys.items():
            args += (index + 1, key)
    return args


def _messages(address: Address, flat: Sequence[bytes], expected: int) -> Iterator[StoredMessage]:
    for entry, timestamp, body in zip(*[iter(flat)] * _MESSAGE, strict=True):
        if entry != b"%d-0" % expected:
            raise lost(address)
        yield StoredMessage(expected, int(timestamp), body)
        expected += 1


def _address(name: str) -> Address:
    room, colon, channel = name.partition(":")
    if not colon:
        raise StorageError(f"the store's index holds {name!r}, which is no channel")
    return Address(room, channel)
