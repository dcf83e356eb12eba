"""Whatever happens on the way: a commit is answered once, and nothing that was confirmed goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from conformance.storage import ADDRESS, EPOCH, append, commit, put, read
from support.proxy import DOWN, UP, proxying
from support.redis_store import fresh_prefix, store
from support.valkey import Valkey
from support.valkey import valkey as running

from arqonbus.errors import StorageError
from arqonbus.model.durability import Durability
from arqonbus.model.stream import StreamInfo
from arqonbus.storage.interface import ChannelAppend, CommitResult, Lowered
from arqonbus.storage.redis.store import RedisStorage
from arqonbus.storage.retention import Retention

DURABLE = {"appendonly": "yes", "appendfsync": "always"}
# The reply to an append of one channel.
APPENDED = len(b"*1\r\n:0\r\n")


@pytest.fixture
def prefix() -> str:
    return fresh_prefix()


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """One of its own, that a test may kill."""
    with running(tmp_path_factory.mktemp("v"), **DURABLE) as started:
        yield started


async def bodies(storage: RedisStorage) -> list[bytes]:
    page = await read(storage, limit=100_000)
    first = page.info.first_seq
    assert [m.seq for m in page.messages] == list(range(first, page.info.last_seq + 1))
    return [m.body for m in page.messages]


async def test_a_server_that_is_not_there(prefix: str) -> None:
    storage = store("redis://127.0.0.1:1", prefix=prefix)
    with pytest.raises(StorageError, match="can't be reached"):
        await storage.open()
    await storage.close()


@pytest.mark.parametrize("way", [(UP,), (DOWN,), (UP, DOWN)])
async def test_a_silent_server_costs_no_more_than_the_time_out(
    valkey: Valkey, prefix: str, way: tuple[str, ...]
) -> None:
    async with proxying(valkey.port) as proxy:
        storage = store(proxy.url, prefix=prefix, timeout=0.3)
        await storage.open()
        await put(storage, b"a")
        answers: list[CommitResult] = []
        done = asyncio.Event()

        def on_commit(result: CommitResult) -> None:
            answers.append(result)
            done.set()

        proxy.stall(way, new=True)
        storage.append([append([b"b"], after=1)], on_commit)
        await asyncio.wait_for(done.wait(), 30)
        with pytest.raises(StorageError, match="did not answer"):
            await read(storage)
        assert isinstance(answers[0], StorageError)
        assert "did not answer" in (storage.problem() or "")
        proxy.resume()
        await storage.probe(lambda infos: pytest.fail(str(infos)))
        assert storage.problem() is None
        await commit(storage, [append([b"c"], after=1)])
        assert await bodies(storage) == [b"a", b"c"]
        assert len(answers) == 1
        await storage.close()


async def insist(storage: RedisStorage, item: ChannelAppend) -> None:
    """Commit, again if it has to be: a connection may end in the moment in which it is used."""
    try:
        await commit(storage, [item])
    except StorageError:
        await commit(storage, [item])


@pytest.mark.parametrize("direction", [UP, DOWN])
async def test_a_connection_cut_at_any_byte(valkey: Valkey, prefix: str, direction: str) -> None:
    async with proxying(valkey.port) as proxy:
        storage = store(proxy.url, prefix=prefix)
        await storage.open()
        await put(storage, b"first")
        confirmed = [b"first"]
        for cut_at in (0, 1, 2, 5, 7, 8, 60, 200, 700, 5000, 30_000):
            batch = [b"%d-%d" % (cut_at, n) * 50 for n in range(40)]
            proxy.cut(direction, cut_at)
            try:
                await commit(storage, [append(batch, after=len(confirmed))])
                confirmed += batch
            except StorageError as error:
                assert "can't be reached" in error.message  # noqa: PT017 - both ways are right
            proxy.resume()
            # What was not confirmed is not there: this goes where it was.
            await insist(storage, append([b"after"], after=len(confirmed)))
            confirmed.append(b"after")
        assert await bodies(storage) == confirmed
        await storage.close()


@asynccontextmanager
async def answering(reply: bytes) -> AsyncIterator[int]:
    """A server that has one answer to everything."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(65536):
            writer.write(reply)
        writer.transport.abort()

    made = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield made.sockets[0].getsockname()[1]
    finally:
        made.close()


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "not understood"),
        (b"*0\r\n", "the store failed"),
        (b":7\r\n", "the store failed"),
        (b"$-1\r\n", "the store failed"),
        (b"-LOADING Valkey is loading the dataset in memory\r\n", "still loading"),
        (b"-MISCONF errors writing to the AOF file: disk full\r\n", "can't write to its disk"),
        (b"-READONLY You can't write against a read only replica.\r\n", "is a replica"),
        (b"-CLUSTERDOWN The cluster is down\r\n", "cluster is down"),
        (b"-MOVED 1234 127.0.0.1:7001\r\n", "another node"),
        (b"-NOAUTH Authentication required.\r\n", "wants a password"),
        (b"-NOREPLICAS Not enough good replicas to write.\r\n", "not enough replicas"),
        (b"-BUSY Valkey is busy running a script.\r\n", "busy with a script"),
        (b"-ERR something else\r\n", "the Redis server refused"),
    ],
)
async def test_any_other_answer_is_a_refusal(
    valkey: Valkey, prefix: str, reply: bytes, sentence: str
) -> None:
    async with proxying(valkey.port) as proxy, answering(reply) as port:
        storage = store(proxy.url, prefix=prefix)
        await storage.open()
        await put(storage, b"a")
        proxy.target = port
        storage._writing._connector.forget()
        with pytest.raises(StorageError, match=sentence):
            await commit(storage, [append([b"b"], after=1)])
        assert sentence in (storage.problem() or "")
        proxy.target = valkey.port
        storage._writing._connector.forget()
        await commit(storage, [append([b"c"], after=1)])
        assert storage.problem() is None
        assert await bodies(storage) == [b"a", b"c"]
        await storage.close()


async def test_a_cancelled_commit_is_answered(valkey: Valkey, prefix: str) -> None:
    async with proxying(valkey.port) as proxy:
        storage = store(proxy.url, prefix=prefix)
        await storage.open()
        for begun in (False, True):
            done: asyncio.Future[CommitResult] = asyncio.get_running_loop().create_future()
            proxy.stall()
            storage.append([append([b"x"], after=0)], done.set_result)
            if begun:
                await asyncio.sleep(0.05)
            for task in storage._commits:
                task.cancel()
            result = await done
            assert isinstance(result, StorageError)
            assert "cancelled" in result.message
            proxy.resume()
        await commit(storage, [append([b"y"], after=0)])
        assert await bodies(storage) == [b"y"]
        await storage.close()


@pytest.mark.parametrize("after", [APPENDED, APPENDED + 1])
async def test_an_undo_whose_reply_is_lost(valkey: Valkey, prefix: str, after: int) -> None:
    async with proxying(valkey.port) as proxy:
        storage = store(proxy.url, prefix=prefix, strict=False)
        await storage.open()
        await put(storage, b"a")
        proxy.cut(DOWN, after)
        with pytest.raises(StorageError, match="can't be reached"):
            # As if the level had fallen while the commit was under way.
            await storage._commit([append([b"x", b"y"], after=1)], storage._level.falls - 1)
        await insist(storage, append([b"b"], after=1))
        assert await bodies(storage) == [b"a", b"b"]
        await storage.close()


async def test_an_undo_leaves_nothing_of_the_commit(valkey: Valkey, prefix: str) -> None:
    storage = store(valkey, prefix=prefix, strict=False)
    await storage.open()
    await put(storage, b"a")
    lowered = await storage._commit([append([b"x", b"y"], after=1)], storage._level.falls - 1)
    assert lowered == Lowered(Durability.DISK)
    assert await bodies(storage) == [b"a"]
    await commit(storage, [append([b"b"], after=1)])
    assert await bodies(storage) == [b"a", b"b"]
    await storage.close()


async def test_retention_goes_past_what_was_taken_back(valkey: Valkey, prefix: str) -> None:
    """The server remembers ids that were removed, among those of the entries that came after."""
    storage = store(valkey, Retention(3, 10**6), prefix=prefix)
    await storage.open()
    await put(storage, b"1")
    for after, batch in ((1, [b"x", b"y"]), (1, [b"2"]), (2, [b"x"]), (2, [b"3", b"4", b"5"])):
        await commit(storage, [append(batch, after=after)])
    assert await bodies(storage) == [b"3", b"4", b"5"]
    assert int(valkey.do("XLEN", f"{{{prefix}}}:stream:{ADDRESS.path}")) == 3
    await storage.close()


async def test_a_bus_that_dies_between_a_refusal_and_its_undoing(
    valkey: Valkey, prefix: str
) -> None:
    """What was refused since its outcome was unknown may be there, whole and in its place."""
    async with proxying(valkey.port) as proxy:
        storage = store(proxy.url, prefix=prefix)
        host, boot, namespace, *_ = storage._owner._holder.split(" ")
        storage._owner._holder = f"{host} {boot} {namespace} 4194999 1"  # a process long gone
        await storage.open()
        await put(storage, b"a")
        proxy.cut(DOWN, 1)
        with pytest.raises(StorageError, match="can't be reached"):
            await commit(storage, [append([b"b", b"c"], after=1)])
        again = store(valkey, prefix=prefix)
        (info,) = await again.open()
        assert (info.epoch, info.first_seq, info.last_seq, info.size) == (EPOCH, 1, 3, 3)
        assert await bodies(again) == [b"a", b"b", b"c"]
        assert await put(again, b"d") == 4
        # The first one is no longer the owner, should it come to life again.
        with pytest.raises(StorageError, match="another bus took over"):
            await commit(storage, [append([b"late"], after=1)])
        await storage.close()
        await again.close()


async def recovered(storage: RedisStorage) -> list[StreamInfo]:
    """Probe until all is well again; the streams that had to go on in another epoch."""
    adopted: list[StreamInfo] = []
    async with asyncio.timeout(30):
        while True:
            await storage.probe(adopted.extend)
            if storage.problem() is None:
                return adopted


async def test_a_server_killed_under_load_and_started_again(server: Valkey) -> None:
    storage = store(server, timeout=30)
    await storage.open()
    await put(storage, b"0", b"0", b"0")
    confirmed = 3
    for round_number in range(5):
        refused = 0
        killing = asyncio.get_running_loop().call_later(0.02 * round_number, server.kill)
        while not refused:
            try:
                await commit(storage, [append([b"%d" % confirmed] * 3, after=confirmed)])
                confirmed += 3
            except StorageError:
                refused += 1
        killing.cancel()
        server.start()
        assert await recovered(storage) == []
        assert (await read(storage)).info.last_seq >= confirmed
        await commit(storage, [append([b"%d" % confirmed] * 3, after=confirmed)])
        confirmed += 3
    assert await bodies(storage) == [b"%d" % (n - n % 3) for n in range(confirmed)]
    await storage.close()


async def test_a_server_that_forgot_everything(tmp_path_factory: pytest.TempPathFactory) -> None:
    with running(tmp_path_factory.mktemp("v")) as server:
        storage = store(server, demanded=Durability.REMOTE)
        await storage.open()
        await put(storage, b"a", b"b")
        server.kill()
        await storage.probe(lambda infos: pytest.fail(str(infos)))
        assert "can't be reached" in (storage.problem() or "")
        server.start()
        (info,) = await recovered(storage)
        assert (info.first_seq, info.last_seq, info.address) == (1, 0, ADDRESS)
        assert info.epoch != EPOCH
        assert storage.problem() is None
        await storage.close()


async def test_a_server_that_lost_its_newest_messages(server: Valkey) -> None:
    """As one whose file was cut short, or a replica that had not taken them when it took over."""
    storage = store(server)
    await storage.open()
    await put(storage, b"a", b"b")
    server.do("COPY", f"{{arqonbus}}:stream:{ADDRESS.path}", "{arqonbus}:s", "REPLACE")
    server.do("COPY", f"{{arqonbus}}:meta:{ADDRESS.path}", "{arqonbus}:m", "REPLACE")
    await put(storage, b"c")
    server.do("COPY", "{arqonbus}:s", f"{{arqonbus}}:stream:{ADDRESS.path}", "REPLACE")
    server.do("COPY", "{arqonbus}:m", f"{{arqonbus}}:meta:{ADDRESS.path}", "REPLACE")
    server.kill()
    server.start()
    adopted = await recovered(storage)
    assert [(i.first_seq, i.last_seq) for i in adopted] == [(1, 2)]
    assert adopted[0].epoch != EPOCH
    assert await bodies(storage) == [b"a", b"b"]
    await storage.close()


async def test_a_frozen_server_that_goes_on(server: Valkey) -> None:
    storage = store(server, timeout=0.3)
    await storage.open()
    await put(storage, b"a")
    server.freeze()
    for _ in range(2):
        with pytest.raises(StorageError, match="did not answer"):
            await commit(storage, [append([b"unknown"], after=1)])
    server.thaw()
    await commit(storage, [append([b"b"], after=1)])
    assert await bodies(storage) == [b"a", b"b"]
    await storage.close()


async def test_no_more_connections_than_allowed(server: Valkey) -> None:
    storage = store(server, pool_size=3)
    await storage.open()
    await put(storage, b"a")
    await asyncio.gather(*[read(storage) for _ in range(50)])
    clients = server.do("CLIENT", "LIST").splitlines()
    assert len(clients) <= 1 + 3 + 1  # the writer, the readers and this one
    await storage.close()


async def test_a_server_that_is_too_old(prefix: str) -> None:
    text = b"# Server\r\nredis_version:6.2.14\r\nrole:master\r\n"
    reply = b"$%d\r\n%s\r\n" % (len(text), text)
    async with answering(reply + b"*0\r\n") as port:
        storage = store(f"redis://127.0.0.1:{port}", prefix=prefix)
        with pytest.raises(StorageError, match=r"too old \(6\.2\.14\)"):
            await storage.open()
        await storage.close()
