"""What is taken from the server behind the bus' back is noticed, never read as "no messages"."""

from __future__ import annotations

import pytest
from conformance.storage import ADDRESS, EPOCH, append, commit, put, read
from support.redis_store import fresh_prefix, store
from support.valkey import Valkey
from support.valkey import valkey as running

from arqonbus.errors import StorageError
from arqonbus.model.address import Address
from arqonbus.model.durability import Durability
from arqonbus.model.stream import StreamInfo
from arqonbus.storage.interface import ChannelAppend, StreamLostError
from arqonbus.storage.redis.store import RedisStorage
from arqonbus.storage.retention import Retention

OTHER = Address("room", "other")


@pytest.fixture
def prefix() -> str:
    return fresh_prefix()


def stream_key(prefix: str, address: Address = ADDRESS) -> str:
    return f"{{{prefix}}}:stream:{address.path}"


def meta_key(prefix: str, address: Address = ADDRESS) -> str:
    return f"{{{prefix}}}:meta:{address.path}"


async def filled(server: Valkey, prefix: str) -> RedisStorage:
    storage = store(server, prefix=prefix)
    await storage.open()
    await put(storage, b"a", b"b", b"c", b"d")
    return storage


async def probed(storage: RedisStorage) -> list[StreamInfo]:
    adopted: list[StreamInfo] = []
    await storage.probe(adopted.extend)
    return adopted


async def refused_everywhere(storage: RedisStorage, after: int = 4) -> None:
    with pytest.raises(StreamLostError):
        await read(storage)
    with pytest.raises(StreamLostError):
        await storage.newest_keys(ADDRESS, 9)
    with pytest.raises(StreamLostError):
        await storage.position_at(ADDRESS, 1)
    with pytest.raises(StreamLostError):
        await commit(storage, [append([b"x"], after=after)])


async def test_everything_flushed(tmp_path_factory: pytest.TempPathFactory, prefix: str) -> None:
    with running(tmp_path_factory.mktemp("v"), appendonly="yes", appendfsync="always") as server:
        storage = await filled(server, prefix)
        await commit(storage, [append([b"x"], address=OTHER, after=0)])
        server.do("FLUSHALL")
        await refused_everywhere(storage)
        adopted = await probed(storage)
        assert {info.address for info in adopted} == {ADDRESS, OTHER}
        assert all((info.first_seq, info.last_seq) == (1, 0) for info in adopted)
        assert all(info.epoch != EPOCH for info in adopted)
        assert storage.problem() is None
        assert await probed(storage) == []
        epoch = next(info.epoch for info in adopted if info.address == ADDRESS)
        await commit(storage, [ChannelAppend(ADDRESS, epoch, 0, 9, [b"new"])])
        assert [m.body for m in (await read(storage)).messages] == [b"new"]
        await storage.close()


@pytest.mark.parametrize("keys", [[stream_key], [meta_key], [stream_key, meta_key]])
async def test_keys_deleted_by_hand(valkey: Valkey, prefix: str, keys: list[object]) -> None:
    storage = await filled(valkey, prefix)
    for key in keys:
        assert callable(key)
        valkey.do("DEL", key(prefix))
    await refused_everywhere(storage)
    info = await storage.restart(ADDRESS, "again")
    left = [] if stream_key in keys else [b"a", b"b", b"c", b"d"]
    assert (info.first_seq, info.last_seq) == (1, len(left))
    await commit(storage, [ChannelAppend(ADDRESS, "again", len(left), 9, [b"x"])])
    page = await read(storage)
    assert [m.body for m in page.messages] == [*left, b"x"]
    assert page.info.size == len(left) + 1
    await storage.close()


async def test_positions_deleted_by_hand(valkey: Valkey, prefix: str) -> None:
    storage = await filled(valkey, prefix)
    valkey.do("XDEL", stream_key(prefix), "2-0")
    await refused_everywhere(storage)
    # What follows the hole is one piece: it is kept, under a new epoch.
    info = await storage.restart(ADDRESS, "again")
    assert (info.first_seq, info.last_seq, info.size) == (3, 4, 2)
    await commit(storage, [ChannelAppend(ADDRESS, "again", 4, 9, [b"x"], {0: "k"})])
    assert [m.body for m in (await read(storage)).messages] == [b"c", b"d", b"x"]
    assert [k.key for k in await storage.newest_keys(ADDRESS, 9)] == ["k"]
    await storage.close()


@pytest.mark.parametrize("deleted", [["4-0"], ["3-0", "4-0"], ["1-0", "2-0", "3-0", "4-0"]])
async def test_the_newest_positions_deleted_by_hand(
    valkey: Valkey, prefix: str, deleted: list[str]
) -> None:
    storage = await filled(valkey, prefix)
    valkey.do("XDEL", stream_key(prefix), *deleted)
    await refused_everywhere(storage)
    info = await storage.restart(ADDRESS, "again")
    kept = 4 - len(deleted)
    assert (info.first_seq, info.last_seq) == (1, kept)
    # The server does not give a deleted id again by itself.
    await commit(storage, [ChannelAppend(ADDRESS, "again", kept, 9, [b"x", b"y"])])
    assert [m.seq for m in (await read(storage)).messages] == list(range(1, kept + 3))
    await storage.close()


async def test_the_old_end_trimmed_by_hand(valkey: Valkey, prefix: str) -> None:
    storage = await filled(valkey, prefix)
    valkey.do("XTRIM", stream_key(prefix), "MAXLEN", 2)
    await refused_everywhere(storage)
    info = await storage.restart(ADDRESS, "again")
    assert (info.first_seq, info.last_seq, info.size) == (3, 4, 2)
    await storage.close()


async def test_an_id_set_ahead_by_hand(valkey: Valkey, prefix: str) -> None:
    storage = await filled(valkey, prefix)
    valkey.do("XSETID", stream_key(prefix), "77-0")
    with pytest.raises(StreamLostError):
        await commit(storage, [append([b"x", b"y"], after=4)])
    assert len((await read(storage)).messages) == 4
    await storage.restart(ADDRESS, "again")
    valkey.do("XSETID", stream_key(prefix), "77-0")
    valkey.do("XTRIM", stream_key(prefix), "MAXLEN", 3)
    await storage.restart(ADDRESS, "once more")
    await commit(storage, [ChannelAppend(ADDRESS, "once more", 4, 9, [b"x"])])
    assert [m.seq for m in (await read(storage)).messages] == [2, 3, 4, 5]
    await storage.close()


async def test_a_foreign_entry_is_not_taken_for_a_message(valkey: Valkey, prefix: str) -> None:
    storage = await filled(valkey, prefix)
    valkey.do("XADD", stream_key(prefix), "5-0", "hello", "world")
    await refused_everywhere(storage)
    with pytest.raises(StorageError, match="no bus wrote"):
        await storage.restart(ADDRESS, "again")
    await storage.close()
    again = store(valkey, prefix=prefix)
    with pytest.raises(StorageError, match="no bus wrote"):
        await again.open()
    await again.close()


@pytest.mark.parametrize("key", [stream_key, meta_key])
async def test_a_key_of_another_type_refuses_only_its_channel(
    valkey: Valkey, prefix: str, key: object
) -> None:
    storage = await filled(valkey, prefix)
    assert callable(key)
    valkey.do("SET", key(prefix), "nonsense")
    with pytest.raises(StorageError, match="another type"):
        await read(storage)
    with pytest.raises(StorageError, match="another type"):
        await commit(storage, [append([b"x"], after=4)])
    with pytest.raises(StorageError, match="another type"):
        await storage.restart(ADDRESS, "again")
    await commit(storage, [append([b"y"], address=OTHER, after=0)])
    await storage.trim(1)
    await storage.close()


async def test_losses_of_idle_streams_are_found_by_the_probe(valkey: Valkey, prefix: str) -> None:
    now = [0.0]
    storage = await filled(valkey, prefix)
    storage._server._clock = lambda: now[0]
    storage._server._next = 10.0
    assert await probed(storage) == []
    valkey.do("DEL", stream_key(prefix), meta_key(prefix))
    now[0] = 11.0
    assert [(i.address, i.last_seq) for i in await probed(storage)] == [(ADDRESS, 0)]
    await storage.close()


async def test_a_lost_index_is_found_again(valkey: Valkey, prefix: str) -> None:
    storage = await filled(valkey, prefix)
    valkey.do("DEL", f"{{{prefix}}}:streams")
    assert await probed(storage) == []
    await storage.close()
    again = store(valkey, prefix=prefix)
    assert [(i.epoch, i.last_seq) for i in await again.open()] == [(EPOCH, 4)]
    await again.close()


@pytest.mark.parametrize(
    ("command", "first", "last"),
    [
        (("DEL", "stream"), 1, 0),
        (("DEL", "meta"), 1, 4),
        (("XDEL", "stream", "4-0"), 1, 3),
        (("XDEL", "stream", "1-0"), 2, 4),
        (("HSET", "meta", "last", "9"), 1, 4),
        (("HDEL", "meta", "epoch"), 1, 4),
    ],
)
async def test_what_is_not_whole_is_opened_in_a_new_epoch(
    valkey: Valkey, prefix: str, command: tuple[str, ...], first: int, last: int
) -> None:
    storage = await filled(valkey, prefix)
    await storage.close()
    names = {"stream": stream_key(prefix), "meta": meta_key(prefix)}
    valkey.do(*[names.get(word, word) for word in command])
    again = store(valkey, prefix=prefix)
    (info,) = await again.open()
    assert info.epoch != EPOCH
    assert (info.first_seq, info.last_seq) == (first, last)
    await commit(again, [ChannelAppend(ADDRESS, info.epoch, last, 9, [b"x"])])
    assert [m.seq for m in (await read(again)).messages] == list(range(first, last + 2))
    await again.close()


async def test_a_hole_is_not_opened_over(valkey: Valkey, prefix: str) -> None:
    storage = await filled(valkey, prefix)
    await storage.close()
    valkey.do("XDEL", stream_key(prefix), "2-0")
    again = store(valkey, prefix=prefix)
    with pytest.raises(StorageError, match="lacks positions"):
        await again.open()
    await again.close()
    assert valkey.do("XLEN", stream_key(prefix)) == 3


async def test_evicted_streams(tmp_path_factory: pytest.TempPathFactory, prefix: str) -> None:
    folder = tmp_path_factory.mktemp("v")
    with running(folder, maxmemory="24mb", maxmemory_policy="allkeys-lru") as server:
        storage = store(server, Retention(10**6, 10**9), prefix=prefix, strict=False)
        await storage.open()
        assert storage.durability.wire == "memory"
        assert "allkeys-lru" in (storage.shortfall() or "")
        storage._told = storage.durability
        evicted = 0
        for n in range(200):
            item = append([b"x" * 200_000], address=Address("room", f"c{n}"), after=0)
            await commit(storage, [item])
            evicted = int(server.do("INFO", "stats")["evicted_keys"])
        assert evicted
        lost = await probed(storage)
        assert lost
        assert all(info.epoch != EPOCH for info in lost)
        await storage.close()


async def test_a_tail_lost_while_no_bus_looked(
    tmp_path_factory: pytest.TempPathFactory, prefix: str
) -> None:
    level = Durability.REMOTE
    with running(tmp_path_factory.mktemp("v"), appendonly="no") as server:
        storage = store(server, prefix=prefix, demanded=level)
        await storage.open()
        await put(storage, b"a", b"b")
        server.do("SAVE")
        await put(storage, b"c", b"d")
        await storage.close()
        again = store(server, prefix=prefix, demanded=level)
        (same,) = await again.open()
        await again.close()
        server.kill()
        server.start()
        # What the server had saved says that this process, which lives, is the owner.
        server.do("HDEL", f"{{{prefix}}}:owner", "token")
        after = store(server, prefix=prefix, demanded=level)
        (info,) = await after.open()
        await after.close()
    assert (same.epoch, same.last_seq) == (EPOCH, 4)
    assert (info.first_seq, info.last_seq) == (1, 2)
    assert info.epoch != EPOCH


async def test_a_server_that_keeps_what_it_took_keeps_its_epochs(
    tmp_path_factory: pytest.TempPathFactory, prefix: str
) -> None:
    with running(tmp_path_factory.mktemp("v"), appendonly="yes", appendfsync="always") as server:
        storage = await filled(server, prefix)
        await storage.close()
        server.kill()
        server.start()
        again = store(server, prefix=prefix)
        (info,) = await again.open()
        await again.close()
        server.do("CONFIG", "SET", "appendfsync", "everysec")
        looser = store(server, prefix=prefix, demanded=Durability.REMOTE)
        await looser.open()
        await looser.close()
        server.do("CONFIG", "SET", "appendfsync", "always")
        server.kill()
        server.start()
        tight = store(server, prefix=prefix)
        (other,) = await tight.open()
        await tight.close()
    assert (info.epoch, info.last_seq) == (EPOCH, 4)
    assert (other.epoch != EPOCH, other.last_seq) == (True, 4)
