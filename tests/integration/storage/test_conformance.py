"""The conformance suite over every backend."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from conformance.storage import ADDRESS, EPOCH, WIDE, Model, append, commit, put, read
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.redis_store import fresh_prefix
from support.redis_store import store as redis_store
from support.valkey import Valkey

from arqonbus.model.address import SYSTEM_ROOM, Address
from arqonbus.model.durability import Durability
from arqonbus.storage.fallback.store import FallbackStorage
from arqonbus.storage.interface import (
    ChannelAppend,
    CommitResult,
    Storage,
    StoredKey,
    StreamLostError,
)
from arqonbus.storage.memory import MemoryStorage
from arqonbus.storage.retention import Retention
from arqonbus.storage.sqlite.journal import HALF
from arqonbus.storage.sqlite.store import SqliteStorage

Make = Callable[[Retention], Storage]
# What a small one holds of the journal is turned over all the time.
SMALL = 400
BACKENDS = ["sqlite", "sqlite-small", "sqlite-degraded", "memory", "redis", "redis-degraded"]


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def make(tmp_path: Path, backend: str, valkey: Valkey) -> Make:
    return opener(backend, tmp_path / "s" / "store.db", valkey)


def opener(backend: str, path: Path, valkey: Valkey) -> Make:
    """Makes a store, and after a restart another one on what the first one left."""
    prefix = fresh_prefix()

    def made(retention: Retention) -> Storage:
        if backend == "memory":
            return MemoryStorage(retention)
        half = SMALL if backend == "sqlite-small" else HALF
        storage: Storage = SqliteStorage(path, retention, half=half)
        if backend.startswith("redis"):
            storage = redis_store(valkey, retention, prefix=prefix)
        if not backend.endswith("degraded"):
            return storage
        return FallbackStorage(
            storage, max_buffer_bytes=10**6, on_not_kept=lambda n: pytest.fail(f"{n} lost")
        )

    return made


async def test_positions_are_consecutive_per_channel(make: Make) -> None:
    other = Address("room", "other")
    storage = make(WIDE)
    assert list(await storage.open()) == []
    firsts = await commit(storage, [append([b"a", b"b"]), append([b"x"], address=other)])
    assert list(firsts) == [1, 1]
    assert await put(storage, b"c") == 3
    page = await read(storage)
    assert [(m.seq, m.body) for m in page.messages] == [(1, b"a"), (2, b"b"), (3, b"c")]
    assert (page.info.epoch, page.info.first_seq, page.info.last_seq) == (EPOCH, 1, 3)
    assert (page.info.size, page.more) == (3, False)
    await storage.close()


async def test_a_batch_may_hold_several_appends_of_one_stream(make: Make) -> None:
    storage = make(WIDE)
    await storage.open()
    batch = [
        append([b"a", b"b"], 1, after=0),
        append([b"c"], 2, after=2),
        append([b"d"], 3, after=3),
    ]
    await commit(storage, batch)
    messages = [(m.seq, m.timestamp, m.body) for m in (await read(storage)).messages]
    assert messages == [(1, 1, b"a"), (2, 1, b"b"), (3, 2, b"c"), (4, 3, b"d")]
    await storage.close()


async def test_streams_of_several_tenants_with_the_same_names_have_nothing_in_common(
    make: Make,
) -> None:
    """The room of one tenant, of another whose name begins with the first's, and of none."""
    rooms = ["acme/room", "acme.room/room", "room", "acme", "room/acme"]
    addresses = [Address(room, "channel") for room in rooms]
    storage = make(WIDE)
    await storage.open()
    for number, address in enumerate(addresses):
        await storage.create(address, EPOCH)
        bodies = [b"%d-%d" % (number, seq) for seq in range(number + 2)]
        keyed = ChannelAppend(address, EPOCH, 0, number + 1, bodies, {0: f"key-{number}"})
        await commit(storage, [keyed])
    await storage.drop(addresses[4], 5)
    assert await storage.delete(addresses[3])
    assert (await storage.restart(addresses[2], "abcdefabcd")).last_seq == 4
    for again in (False, True):
        if again and not isinstance(storage, MemoryStorage):
            await storage.close()
            storage = make(WIDE)
            infos = {info.address: info for info in await storage.open()}
            assert set(infos) == set(addresses) - {addresses[3]}
        for number, address in enumerate(addresses[:3]):
            page = await storage.read(address, after=0, through=99, limit=99, max_bytes=999)
            assert page is not None
            assert [m.body for m in page.messages] == [
                b"%d-%d" % (number, seq) for seq in range(number + 2)
            ]
            assert page.info.epoch == (EPOCH if number < 2 else "abcdefabcd")
            assert [k.key for k in await storage.newest_keys(address, 9)] == [f"key-{number}"]
            assert await storage.position_at(address, number + 1) == 0
        gone = await storage.read(addresses[3], after=0, through=9, limit=9, max_bytes=99)
        left = await storage.read(addresses[4], after=0, through=9, limit=9, max_bytes=99)
        assert gone is None
        assert left is not None
        assert (left.info.first_seq, left.info.last_seq) == (6, 6)
    await storage.close()


async def test_pages_by_count_and_by_bytes(make: Make) -> None:
    storage = make(WIDE)
    await storage.open()
    await put(storage, *[b"xxxx"] * 10)
    page = await read(storage, after=2, limit=3)
    assert ([m.seq for m in page.messages], page.more) == ([3, 4, 5], True)
    page = await read(storage, after=2, size=9)
    assert ([m.seq for m in page.messages], page.more) == ([3, 4], True)
    page = await read(storage, after=8, size=1)
    assert ([m.seq for m in page.messages], page.more) == ([9], True)
    page = await read(storage, after=10)
    assert (page.messages, page.more) == ((), False)
    assert (
        await storage.read(Address("no", "one"), after=0, through=9, limit=1, max_bytes=1) is None
    )
    await storage.close()


@pytest.mark.parametrize(
    ("retention", "first"),
    [(Retention(4, 10**9), 7), (Retention(10**6, 9), 9), (Retention(10**6, 1), 11)],
)
async def test_retention_removes_only_from_the_old_end(
    make: Make, retention: Retention, first: int
) -> None:
    storage = make(retention)
    await storage.open()
    for _ in range(5):
        await put(storage, b"xxxx", b"yyyy")
    page = await read(storage)
    assert [m.seq for m in page.messages] == list(range(first, 11))
    assert (page.info.first_seq, page.info.last_seq) == (first, 10)
    assert page.info.size == 4 * (11 - first)
    await storage.close()


async def test_age_retention_and_positions_by_time(make: Make) -> None:
    storage = make(Retention(1000, 10**9, max_age=1.0))
    await storage.open()
    for n in range(1, 6):
        await put(storage, b"a", b"b", timestamp=n * 1_000_000)
    assert await storage.position_at(ADDRESS, 3_000_000) == 4
    assert await storage.position_at(ADDRESS, 3_000_001) == 6
    assert await storage.position_at(ADDRESS, 0) == 0
    assert await storage.position_at(ADDRESS, 9_000_000) == 10
    assert await storage.position_at(Address("no", "one"), 0) is None
    assert await storage.trim(5_000_000) == 6
    assert [m.seq for m in (await read(storage)).messages] == [7, 8, 9, 10]
    assert await storage.trim(60_000_000) == 4
    assert await put(storage, b"z", timestamp=61_000_000) == 11
    await storage.close()


async def test_the_newest_keys_with_their_messages(make: Make) -> None:
    storage = make(Retention(6, 10**9))
    await storage.open()
    assert list(await storage.newest_keys(ADDRESS, 9)) == []
    first = ChannelAppend(ADDRESS, EPOCH, 0, 1, [b"a", b"b", b"c"], {0: "k1", 2: "k3"})
    await commit(storage, [first])
    await put(storage, b"d")
    await commit(storage, [ChannelAppend(ADDRESS, EPOCH, 4, 2, [b"e"], {0: "k5"})])
    all_keys = [StoredKey(1, "k1", b"a"), StoredKey(3, "k3", b"c"), StoredKey(5, "k5", b"e")]
    assert list(await storage.newest_keys(ADDRESS, 9)) == all_keys
    assert list(await storage.newest_keys(ADDRESS, 2)) == all_keys[1:]
    assert list(await storage.newest_keys(Address("no", "one"), 9)) == []
    await put(storage, b"f", b"g")
    assert list(await storage.newest_keys(ADDRESS, 9)) == all_keys[1:]
    await put(storage, b"h")
    await put(storage, b"i")
    assert list(await storage.newest_keys(ADDRESS, 9)) == all_keys[2:]
    await storage.close()


async def test_create_and_delete(make: Make) -> None:
    storage = make(WIDE)
    await storage.open()
    info = await storage.create(ADDRESS, EPOCH)
    assert (info.first_seq, info.last_seq, info.epoch) == (1, 0, EPOCH)
    assert (await storage.create(ADDRESS, "other")).epoch == EPOCH
    await put(storage, b"a")
    assert await storage.delete(ADDRESS) is True
    assert await storage.delete(ADDRESS) is False
    assert await storage.read(ADDRESS, after=0, through=9, limit=1, max_bytes=1) is None
    assert await put(storage, b"b") == 1
    await storage.close()


async def test_a_read_ends_where_it_is_told(make: Make) -> None:
    storage = make(WIDE)
    await storage.open()
    await put(storage, b"a", b"b", b"c", b"d")
    page = await storage.read(ADDRESS, after=1, through=3, limit=9, max_bytes=99)
    assert page is not None
    assert ([m.seq for m in page.messages], page.more) == ([2, 3], False)
    page = await storage.read(ADDRESS, after=1, through=3, limit=1, max_bytes=99)
    assert page is not None
    assert ([m.seq for m in page.messages], page.more) == ([2], True)
    await storage.close()


@pytest.mark.parametrize(
    "wrong",
    [
        append([b"x"], after=3),
        ChannelAppend(ADDRESS, "another", 2, 9, [b"x"]),
        append([b"x"], address=Address("room", "unknown"), after=1),
    ],
    ids=["a position it does not have", "another epoch", "a stream that is not there"],
)
async def test_a_stream_that_is_not_what_the_bus_knows_is_lost(
    make: Make, wrong: ChannelAppend
) -> None:
    storage = make(WIDE)
    await storage.open()
    await put(storage, b"a", b"b")
    with pytest.raises(StreamLostError):
        await commit(storage, [wrong])
    assert [m.body for m in (await read(storage)).messages] == [b"a", b"b"]
    await storage.close()


async def test_one_lost_stream_refuses_no_other(make: Make) -> None:
    storage = make(WIDE)
    await storage.open()
    other = Address("room", "other")
    batch = [append([b"x"], after=7), append([b"y"], address=other, after=0)]
    done: asyncio.Future[CommitResult] = asyncio.get_running_loop().create_future()
    storage.append(batch, done.set_result)
    result = await done
    assert isinstance(result, Sequence)
    assert [type(item) for item in result] == [StreamLostError, type(None)]
    await storage.close()


async def test_a_stream_goes_on_under_a_new_epoch(make: Make) -> None:
    storage = make(WIDE)
    await storage.open()
    await put(storage, b"a", b"b")
    info = await storage.restart(ADDRESS, "another")
    assert (info.epoch, info.first_seq, info.last_seq) == ("another", 1, 2)
    await commit(storage, [ChannelAppend(ADDRESS, "another", 2, 9, [b"c"])])
    assert [m.body for m in (await read(storage)).messages] == [b"a", b"b", b"c"]
    fresh = await storage.restart(Address("room", "none"), "new")
    assert (fresh.epoch, fresh.first_seq, fresh.last_seq) == ("new", 1, 0)
    await storage.close()


async def test_the_old_end_can_be_dropped(make: Make) -> None:
    storage = make(WIDE)
    await storage.open()
    await put(storage, b"a", b"b", b"c")
    await storage.drop(ADDRESS, 2)
    await storage.drop(ADDRESS, 1)
    await storage.drop(Address("no", "one"), 1)
    page = await read(storage)
    assert ([m.seq for m in page.messages], page.info.first_seq, page.info.size) == ([3], 3, 1)
    await storage.drop(ADDRESS, 99)
    assert await put(storage, b"d") == 4
    await storage.close()


async def test_the_bus_own_channels_are_kept_whole(make: Make) -> None:
    storage = make(Retention(1, 1, max_age=1.0))
    await storage.open()
    own = Address(SYSTEM_ROOM, "journal")
    await commit(storage, [append([b"a", b"b"], address=own), append([b"a", b"b"])])
    await storage.trim(10_000_000)
    page = await storage.read(own, after=0, through=9, limit=9, max_bytes=9)
    assert page is not None
    assert [m.body for m in page.messages] == [b"a", b"b"]
    assert not (await read(storage)).messages
    await storage.close()


async def test_a_probe_of_a_sound_store_changes_nothing(make: Make) -> None:
    storage = make(WIDE)
    await storage.open()
    await put(storage, b"a")
    await storage.probe(lambda infos: pytest.fail(f"changed by themselves: {infos}"))
    assert storage.problem() is None
    assert await put(storage, b"b") == 2
    await storage.close()


async def test_a_closed_store_says_so_and_closing_twice_is_fine(make: Make) -> None:
    storage = make(WIDE)
    await storage.open()
    assert storage.problem() is None
    assert storage.durability in (Durability.MEMORY, Durability.DISK)
    await storage.close()
    await storage.close()


_BODIES = st.lists(st.binary(min_size=1, max_size=30), min_size=1, max_size=6)
_STEP = st.one_of(
    st.tuples(st.just("append"), _BODIES),
    st.tuples(st.just("unconfirmed"), _BODIES),
    st.tuples(st.just("trim"), st.integers(0, 5)),
    st.tuples(st.just("drop"), st.integers(0, 40)),
    st.tuples(st.just("read"), st.integers(0, 40)),
    st.tuples(st.just("restart"), st.none()),
    st.tuples(st.just("reopen"), st.none()),
)


@pytest.mark.parametrize("kind", BACKENDS)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(_STEP, max_size=25), bound=st.integers(1, 12), size=st.integers(30, 200))
def test_any_interleaving_agrees_with_the_model(
    tmp_path_factory: pytest.TempPathFactory,
    valkey: Valkey,
    kind: str,
    steps: list[tuple[str, object]],
    bound: int,
    size: int,
) -> None:
    retention = Retention(bound, size, max_age=3.0)
    path = tmp_path_factory.mktemp("model") / "store.db"
    make = opener(kind, path, valkey)
    asyncio.run(_agree(lambda: make(retention), retention, steps, durable=kind != "memory"))


async def _agree(
    make: Callable[[], Storage],
    retention: Retention,
    steps: list[tuple[str, object]],
    *,
    durable: bool,
) -> None:
    model, storage, now, epochs = Model(retention), make(), 0, [EPOCH]
    await storage.open()
    await storage.create(ADDRESS, EPOCH)
    for step, value in steps:
        now += 1_000_000
        if isinstance(value, list):
            at = model.last
            if step == "unconfirmed" and durable:
                # The bus did not learn the outcome, and goes on where it was.
                await commit(storage, [ChannelAppend(ADDRESS, epochs[-1], at, now, value * 2)])
                model.append(now, value * 2)
                model.forget_beyond(at)
            await commit(storage, [ChannelAppend(ADDRESS, epochs[-1], at, now, value)])
            model.append(now, value)
        elif step == "trim" and isinstance(value, int):
            await storage.trim(now + value * 1_000_000)
            model.trim(now + value * 1_000_000)
        elif step == "drop" and isinstance(value, int):
            await storage.drop(ADDRESS, value)
            model.drop(value)
        elif step == "restart":
            epochs.append(f"epoch{len(epochs)}")
            await storage.restart(ADDRESS, epochs[-1])
        elif step == "reopen" and durable:
            await storage.close()
            storage = make()
            await storage.open()
        after = value if isinstance(value, int) else 0
        page = await read(storage, after=after)
        expected = [(s, t, b) for s, (t, b) in sorted(model.kept.items()) if s > after]
        assert [(m.seq, m.timestamp, m.body) for m in page.messages] == expected
        assert (page.info.first_seq, page.info.last_seq) == (model.first, model.last)
        assert (page.info.size, page.info.epoch) == (model.size, epochs[-1])
    await storage.close()
