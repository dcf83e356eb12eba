"""The level is what the server's own settings are worth, at the start and while running."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from conformance.storage import ADDRESS, append, commit, put, read
from support.redis_store import fresh_prefix, store
from support.valkey import Valkey
from support.valkey import valkey as running

from arqonbus.errors import StorageError
from arqonbus.model.durability import Durability
from arqonbus.storage.interface import ChannelAppend, CommitResult, Lowered, Storage
from arqonbus.storage.redis.connect import Access

DURABLE = {"appendonly": "yes", "appendfsync": "always"}
SOUND = {"appendonly": "yes", "appendfsync": "always", "no-appendfsync-on-rewrite": "no"}
LOOSE = [
    ("appendfsync", "everysec", "appendfsync is everysec: set it to always"),
    ("no-appendfsync-on-rewrite", "yes", "no-appendfsync-on-rewrite is yes: set it to no"),
    ("appendonly", "no", "appendonly is no: set it to yes"),
]


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """One of its own, whose settings a test may change."""
    with running(tmp_path_factory.mktemp("v"), **DURABLE) as started:
        yield started


async def outcome(storage: Storage, item: ChannelAppend) -> CommitResult:
    done: asyncio.Future[CommitResult] = asyncio.get_running_loop().create_future()
    storage.append([item], done.set_result)
    return await done


def level(storage: Storage) -> Durability:
    return storage.durability


async def probe(storage: Storage) -> None:
    await storage.probe(lambda infos: pytest.fail(f"changed by themselves: {infos}"))


async def test_a_sound_server_gives_disk(server: Valkey) -> None:
    storage = store(server)
    await storage.open()
    assert (level(storage), storage.shortfall()) == (Durability.DISK, None)
    await storage.close()


@pytest.mark.parametrize(("name", "value", "sentence"), LOOSE)
async def test_strict_does_not_start_below_what_is_demanded(
    server: Valkey, name: str, value: str, sentence: str
) -> None:
    server.do("CONFIG", "SET", name, value)
    storage = store(server)
    with pytest.raises(StorageError, match=sentence):
        await storage.open()
    await storage.close()
    enough = store(server, demanded=Durability.REMOTE)
    await enough.open()
    assert enough.durability == Durability.REMOTE
    await enough.close()


@pytest.mark.parametrize(("name", "value", "sentence"), LOOSE)
async def test_strict_refuses_while_it_lasts(
    server: Valkey, name: str, value: str, sentence: str
) -> None:
    storage = store(server, attest_interval=0)
    await storage.open()
    await put(storage, b"a")
    server.do("CONFIG", "SET", name, value)
    await probe(storage)
    assert sentence in (storage.problem() or "")
    with pytest.raises(StorageError, match=sentence):
        await put(storage, b"b")
    assert level(storage) == Durability.DISK
    server.do(
        "CONFIG",
        "SET",
        name,
        {"appendfsync": "always"}.get(name, ["no", "yes"][name == "appendonly"]),
    )
    async with asyncio.timeout(30):
        while storage.problem():  # an append-only file takes a moment to be made
            await probe(storage)
    await put(storage, b"c")
    assert [m.body for m in (await read(storage)).messages] == [b"a", b"c"]
    await storage.close()


async def test_degraded_says_once_that_it_lowers(server: Valkey) -> None:
    storage = store(server, strict=False, attest_interval=0)
    await storage.open()
    assert await outcome(storage, append([b"a"], after=0)) == [None]
    server.do("CONFIG", "SET", "appendfsync", "no")
    await probe(storage)
    assert level(storage) == Durability.REMOTE
    assert storage.problem() is None
    assert "appendfsync is no" in (storage.shortfall() or "")
    assert await outcome(storage, append([b"b"], after=1)) == Lowered(Durability.REMOTE)
    assert (await read(storage)).info.last_seq == 1
    assert await outcome(storage, append([b"b"], after=1)) == [None]
    server.do("CONFIG", "SET", "appendfsync", "always")
    await probe(storage)
    assert (level(storage), storage.shortfall()) == (Durability.DISK, None)
    assert await outcome(storage, append([b"c"], after=2)) == [None]
    await storage.close()


async def test_a_start_in_degraded_is_told_to_the_first_append(server: Valkey) -> None:
    server.do("CONFIG", "SET", "appendfsync", "no")
    storage = store(server, strict=False)
    assert level(storage) == Durability.DISK
    await storage.open()
    assert level(storage) == Durability.REMOTE
    assert await outcome(storage, append([b"a"], after=0)) == Lowered(Durability.REMOTE)
    assert await outcome(storage, append([b"a"], after=0)) == [None]
    await storage.close()


async def test_a_fall_while_a_commit_is_under_way_takes_it_back(server: Valkey) -> None:
    storage = store(server, strict=False, attest_interval=0)
    await storage.open()
    await put(storage, b"a")
    server.do("CONFIG", "SET", "appendfsync", "no")
    async with storage._owner.lock:
        committing = asyncio.create_task(outcome(storage, append([b"b"], after=1)))
        probing = asyncio.create_task(probe(storage))
        await asyncio.sleep(0)
        storage._take(await storage._server.attest())
    assert await committing == Lowered(Durability.REMOTE)
    await probing
    assert (await read(storage)).info.last_seq == 1
    assert await outcome(storage, append([b"c"], after=1)) == [None]
    await storage.close()


async def test_a_rise_waits_for_the_commit_that_began_under_less(server: Valkey) -> None:
    server.do("CONFIG", "SET", "appendfsync", "no")
    storage = store(server, strict=False, attest_interval=0)
    await storage.open()
    assert isinstance(await outcome(storage, append([b"a"], after=0)), Lowered)
    server.do("CONFIG", "SET", "appendfsync", "always")
    async with storage._owner.lock:
        committing = asyncio.create_task(outcome(storage, append([b"a"], after=0)))
        await asyncio.sleep(0)
        storage._take(await storage._server.attest())
        assert level(storage) == Durability.REMOTE
    assert await committing == [None]
    assert await outcome(storage, append([b"b"], after=1)) == [None]
    assert level(storage) == Durability.DISK
    await storage.close()


async def test_memory_that_is_taken_away(server: Valkey) -> None:
    server.do("CONFIG", "SET", "maxmemory", "100mb", "maxmemory-policy", "allkeys-lru")
    storage = store(server)
    with pytest.raises(StorageError, match="set it to noeviction"):
        await storage.open()
    await storage.close()
    # Streams have no expiry: what only takes keys that have one takes none of them.
    server.do("CONFIG", "SET", "maxmemory-policy", "volatile-lru")
    storage = store(server)
    await storage.open()
    await storage.close()


async def test_out_of_memory_refuses_and_still_trims(server: Valkey) -> None:
    storage = store(server)
    await storage.open()
    await put(storage, b"a", b"b")
    server.do("CONFIG", "SET", "maxmemory", "1")
    with pytest.raises(StorageError, match="out of memory"):
        await put(storage, b"c")
    assert "out of memory" in (storage.problem() or "")
    await probe(storage)
    assert "out of memory" in (storage.problem() or "")
    await storage.drop(ADDRESS, 1)
    assert [m.body for m in (await read(storage)).messages] == [b"b"]
    server.do("CONFIG", "SET", "maxmemory", "0")
    await probe(storage)
    assert storage.problem() is None
    assert await put(storage, b"c") == 3
    await storage.close()


async def test_a_user_that_may_not_read_the_settings(server: Valkey) -> None:
    server.do("ACL", "SETUSER", "bus", "on", ">pass word", "~*", "+@all", "-config")
    access = Access("bus", "pass word")
    storage = store(server, access=access)
    with pytest.raises(StorageError, match=r"disk can't be attested.*config.get") as raised:
        await storage.open()
    assert "pass word" not in str(raised.value)
    await storage.close()
    storage = store(server, access=access, demanded=Durability.REMOTE)
    await storage.open()
    assert level(storage) == Durability.REMOTE
    await put(storage, b"a")
    await storage.close()


async def test_the_least_rights_that_a_user_needs(server: Valkey) -> None:
    prefix = fresh_prefix()
    commands = "hset hmget xadd xlen xrange xrevrange xtrim xdel xsetid sadd srem scard smembers"
    commands += " scan del unlink exists time eval evalsha info config|get wait"
    rights = [f"+{command}" for command in commands.split()]
    server.do("ACL", "SETUSER", "least", "on", ">secret", f"~{{{prefix}}}:*", *rights)
    access = Access("least", "secret")
    storage = store(server, access=access, prefix=prefix)
    await storage.open()
    await commit(storage, [ChannelAppend(ADDRESS, "e", 0, 1, [b"a", b"b"], {0: "k"})])
    await commit(storage, [ChannelAppend(ADDRESS, "e", 1, 1, [b"c"])])
    assert len(await storage.newest_keys(ADDRESS, 9)) == 1
    assert await storage.position_at(ADDRESS, 5) == 2
    await storage.drop(ADDRESS, 1)
    await storage.restart(ADDRESS, "f")
    server.do("XDEL", f"{{{prefix}}}:stream:{ADDRESS.path}", "2-0")
    await storage.restart(ADDRESS, "g")
    await probe(storage)
    assert storage.problem() is None
    assert await storage.delete(ADDRESS)
    await storage.close()


async def test_a_wrong_password_is_told_without_it(server: Valkey) -> None:
    server.do("CONFIG", "SET", "requirepass", "right")
    for access, sentence in [
        (Access(password="wrong"), "refused user or password"),
        (Access(), "wants a password"),
    ]:
        storage = store(server, access=access)
        with pytest.raises(StorageError, match=sentence) as raised:
            await storage.open()
        assert "wrong" not in str(raised.value)
        await storage.close()
    assert "right" not in repr(Access(password="right"))


async def test_a_replica_is_no_place_to_write(
    server: Valkey, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("r")
    with running(folder, replicaof=f"127.0.0.1 {server.port}", **DURABLE) as replica:
        storage = store(replica)
        with pytest.raises(StorageError, match="replica"):
            await storage.open()
        await storage.close()


@pytest.mark.parametrize("strict", [True, False])
async def test_a_commit_that_too_few_replicas_took_is_taken_back(
    server: Valkey, tmp_path_factory: pytest.TempPathFactory, *, strict: bool
) -> None:
    folder = tmp_path_factory.mktemp("r")
    with running(folder, replicaof=f"127.0.0.1 {server.port}", **DURABLE) as replica:
        server.until_replicated()
        storage = store(
            server, demanded=Durability.REPLICATED, strict=strict, timeout=1.0, attest_interval=0
        )
        await storage.open()
        assert level(storage) == Durability.REPLICATED
        assert await outcome(storage, append([b"a"], after=0)) == [None]
        replica.freeze()
        refused = await outcome(storage, append([b"b", b"c"], after=1))
        if strict:
            assert isinstance(refused, StorageError)
            assert "0 replicas took a commit in time" in refused.message
            assert "0 replicas" in (storage.problem() or "")
        else:
            assert refused == Lowered(Durability.DISK)
            assert level(storage) == Durability.DISK
            assert "0 replicas" in (storage.shortfall() or "")
        assert (await read(storage)).info.last_seq == 1
        if not strict:
            assert await outcome(storage, append([b"d"], after=1)) == [None]
        replica.thaw()
        async with asyncio.timeout(30):
            while level(storage) < Durability.REPLICATED or storage.problem():
                await probe(storage)
                await asyncio.sleep(0.05)
        last = (await read(storage)).info.last_seq
        assert await outcome(storage, append([b"e"], after=last)) == [None]
        await storage.close()


async def test_without_its_replicas_strict_does_not_start(server: Valkey) -> None:
    storage = store(server, demanded=Durability.REPLICATED)
    with pytest.raises(StorageError, match=r"0 replicas are connected.*redis.replicas wants 1"):
        await storage.open()
    await storage.close()
